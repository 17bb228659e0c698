/**
 * A flake whose only input is the flake that is asked for, locked to one commit, with the inputs that its own lock names.
 *
 * Claim: Nix learns all of the commit from this lock, as it would from the repository: `rev`, `revCount`,
 * `lastModified`, the tree's hash and its place in the store. So it opens no repository, and no other commit can be named.
 * Against: an object database in reach of the evaluator. Leaves out whether the lock fits the flake's own `inputs`: an
 * input that is missing there fails, one that is too much is there.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type NarHash, sriHash } from "@firstmile/formats/nix/hash";
import { type NarNode, narDigest } from "@firstmile/formats/nix/nar";
import { sourceStorePath } from "@firstmile/formats/nix/store-path";
import type { SealedInput } from "../sealing/seal.ts";
import { nixString } from "./attribute-path.ts";

/** What an expression can read of a commit. */
export interface FlakeCommit {
  readonly commit: CommitId;
  /** Of the tree that Nix makes of it. */
  readonly narHash: NarHash;
  readonly revCount: number;
  /** Unix seconds. */
  readonly lastModified: number;
  /** Directory of the flake in the tree; "" for the root. */
  readonly dir: string;
  /** Text of its flake.lock, read strictly before; undefined where it has none. */
  readonly lock: string | undefined;
}

/** The name of the one input, by which paths in the lock begin. */
const TOP = "top";
/** Nix does not fetch it, because the tree is there. */
const FOLDER = "file:///sealed/";
const URL = `${FOLDER}checkout`;

/** What Nix has to be allowed for it, in the words of restricted mode. */
export function wrapperAddresses(storeDir: string): readonly string[] {
  return [FOLDER, `git+${FOLDER}`, `path:${storeDir}/`];
}

/** How 2.34 names the files of the flake that is asked for. */
export const WRAPPED_PLACE = /«git\+file:\/\/\/sealed\/checkout[^»]*»\//g;

/** Written into a directory that must not be there yet, as an input of a seal. */
export function flakeWrapper(flake: FlakeCommit, dir: string, storeDir: string): SealedInput {
  const files = { "flake.lock": wrapperLock(flake), "flake.nix": wrapperText(flake) };
  mkdirSync(dir, { mode: 0o755 });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${dir}/${name}`, text, { mode: 0o444 });
  const entries = Object.entries(files).map(([name, text]) => ({
    name: Buffer.from(name),
    node: fileNode(text),
  }));
  const { narHash, narSize } = narDigest({ kind: "directory", entries });
  return { path: sourceStorePath(narHash, "source", [], false, storeDir), narHash, narSize, from: dir };
}

/** An expression for the flake that is asked for. */
export function wrappedFlake({ path, narHash }: SealedInput): string {
  return `(builtins.getFlake "path:${path}?narHash=${encodeURIComponent(sriHash(narHash))}").inputs.${TOP}`;
}

function fileNode(text: string): NarNode {
  const content = Buffer.from(text);
  return { kind: "regular", executable: false, size: content.length, content: [content] };
}

/** Attributes and no address: 2.8 keeps `dir` in an address twice, and then asks the repository. */
function wrapperText({ commit, dir }: FlakeCommit): string {
  const attributes = Object.entries({ type: "git", url: URL, rev: commit, ...(dir === "" ? {} : { dir }) });
  const written = attributes.map(([name, value]) => `${name} = ${nixString(value)};`);
  return `{ inputs.${TOP} = { ${written.join(" ")} }; outputs = _: { }; }\n`;
}

type LockNodes = Record<string, LockNodeJson>;

interface LockNodeJson {
  readonly inputs?: Readonly<Record<string, string | readonly string[]>>;
  readonly parent?: readonly string[];
}

function wrapperLock(flake: FlakeCommit): string {
  const { nodes, root, version } = ownLock(flake.lock);
  const { commit: rev, dir, narHash, revCount, lastModified } = flake;
  const reference = { type: "git", url: URL, rev, ...(dir === "" ? {} : { dir }) };
  const locked = { ...reference, revCount, lastModified, narHash: sriHash(narHash) };
  const below = Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, belowTop(node)]));
  const name = unused(nodes);
  const all = {
    ...below,
    [root]: { ...below[root], locked, original: reference },
    [name]: { inputs: { [TOP]: root } },
  };
  return JSON.stringify({ nodes: all, root: name, version });
}

function ownLock(text: string | undefined): { nodes: LockNodes; root: string; version: number } {
  if (text === undefined) return { nodes: { root: {} }, root: "root", version: 7 };
  return JSON.parse(text) as { nodes: LockNodes; root: string; version: number };
}

/** Paths of input names begin at the root, which is one step further away. */
function belowTop(node: LockNodeJson): LockNodeJson {
  const inputs = Object.entries(node.inputs ?? {}).map(([name, target]) => [
    name,
    typeof target === "string" ? target : [TOP, ...target],
  ]);
  return {
    ...node,
    ...(node.inputs === undefined ? {} : { inputs: Object.fromEntries(inputs) }),
    ...(node.parent === undefined ? {} : { parent: [TOP, ...node.parent] }),
  };
}

function unused(nodes: LockNodes): string {
  let name = "wrapper";
  while (Object.hasOwn(nodes, name)) name += "-";
  return name;
}
