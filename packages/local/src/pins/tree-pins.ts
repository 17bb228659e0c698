/**
 * The pins that a tree names: in the lock files of npins, niv and flakes, and in calls in its expressions.
 *
 * Claims no more than to look where people write them: lock files by their usual names anywhere in the tree, then the
 * expressions nearest to the file that is asked for, up to a limit. What is overlooked is refused as unknown. A lock
 * file that cannot be read is a finding, since it may say two things at once.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { commitOfCall, fetchCalls } from "@firstmile/formats/nix/expression-pins";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { parseNivLock } from "@firstmile/formats/nix/niv-lock";
import { parseNpinsLock } from "@firstmile/formats/nix/npins-lock";
import { FETCHED_NAME, type Pin } from "@firstmile/formats/nix/pin";
import { checkStoreName } from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { plainText } from "../admission/evaluation-failure.ts";
import { lockedCommit } from "../admission/input-source.ts";
import { blobOf, type GitTree } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import type { GitObjects } from "../git/objects.ts";

/** A pin, and how people speak of it. */
export interface NamedPin {
  readonly pin: Pin;
  /** `pin nixpkgs of npins/sources.json`. */
  readonly label: string;
  /** What writes it anew. */
  readonly renew: string;
}

export interface LockedPins {
  readonly pins: readonly NamedPin[];
  /** Lock files that cannot be read. */
  readonly unreadable: readonly Reason[];
}

/** Limits of what is looked through for calls. */
export const MAX_EXPRESSIONS = 2_000;
const MAX_EXPRESSION_BYTES = 32 << 20;
const MAX_LOCKS = 100;

/** Throws `GitTreeError`. */
export async function lockedPins(objects: GitObjects, tree: GitTree): Promise<LockedPins> {
  const pins: NamedPin[] = [];
  const unreadable: Reason[] = [];
  for await (const { path, content } of files(objects, tree, (name) => LOCK_FILE.test(name), MAX_LOCKS)) {
    try {
      pins.push(...readLock(path, content));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      unreadable.push(lockUnreadable(path, error));
    }
  }
  return { pins, unreadable };
}

/**
 * Calls with literal arguments, in the expressions nearest to the file at `near`. A file that Nix could not read
 * either has none. Throws `GitTreeError`.
 */
export async function calledPins(objects: GitObjects, tree: GitTree, near: string): Promise<NamedPin[]> {
  const pins: NamedPin[] = [];
  let bytes = 0;
  const isExpression = (name: string) => name.endsWith(".nix");
  for await (const { path, content } of files(objects, tree, isExpression, MAX_EXPRESSIONS, near)) {
    bytes += content.length;
    if (bytes > MAX_EXPRESSION_BYTES) break;
    pins.push(...callsIn(path, content));
  }
  return pins;
}

const LOCK_FILE = /^(?:.*\/)?(?:npins\/sources\.json|nix\/sources\.json|flake\.lock)$/;

function readLock(path: string, content: Buffer): NamedPin[] {
  const shown = shownPath(path);
  const dir = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  if (path.endsWith("flake.lock")) return flakePins(content, shown);
  const isNpins = path.endsWith("npins/sources.json");
  const { pins } = isNpins ? parseNpinsLock(content) : parseNivLock(content);
  const update = isNpins ? `npins -d ${shownPath(dir)} update` : "niv update";
  return [...pins].map(([name, pin]) => ({
    pin,
    label: `pin ${plainText(name)} of ${shown}`,
    renew: `${update} ${plainText(name)}`,
  }));
}

/** As a loader finds them that reads flake.lock itself. */
function flakePins(content: Buffer, shown: string): NamedPin[] {
  const pins: NamedPin[] = [];
  for (const { name, locked } of parseFlakeLock(content).nodes.values()) {
    const named = locked && lockedCommit(locked);
    if (!locked || !named) continue;
    const isGit = locked.type === "git";
    const pin: Pin = {
      kind: "commit",
      name,
      fetcher: isGit ? "fetchGit" : "fetchTarball",
      url: isGit || locked.type === "tarball" ? locked.url : undefined,
      ...named,
      narHash: locked.narHash,
      storeNames: [FETCHED_NAME],
    };
    const label = `input ${plainText(name)} of ${shown}`;
    pins.push({ pin, label, renew: `nix flake lock --update-input ${plainText(name)}` });
  }
  return pins;
}

function callsIn(path: string, content: Buffer): NamedPin[] {
  const shown = shownPath(path);
  try {
    return fetchCalls(content.toString("latin1")).flatMap((call) => {
      const pin = commitOfCall(call, shown);
      if (!pin) return [];
      return [{ pin, label: pin.name, renew: `write the hash in ${shown}:${call.place}` }];
    });
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

/** Whether Nix would call a store path so. */
export function isStoreName(name: string): boolean {
  try {
    checkStoreName(name);
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

interface TreeFile {
  readonly path: string;
  readonly content: Buffer;
}

/** At most `limit` files of the tree whose paths are wanted, nearest first where that is asked for. */
async function* files(
  objects: GitObjects,
  tree: GitTree,
  wanted: (path: string) => boolean,
  limit: number,
  near?: string,
): AsyncGenerator<TreeFile> {
  const leaves = [...tree.leaves()].filter(({ path, step }) => step.kind === "file" && wanted(path));
  if (near !== undefined) {
    const distances = new Map(leaves.map(({ path }) => [path, distance(path, near)]));
    leaves.sort((a, b) => distances.get(a.path)! - distances.get(b.path)!);
  }
  const read = inOrder(objects, leaves.slice(0, limit), ({ step }) => blobOf(step));
  for await (const { item, content } of read) yield { path: item.path, content };
}

/** Steps up and down from the directory of one file to that of another. */
function distance(path: string, near: string): number {
  const [a, b] = [path.split("/").slice(0, -1), near.split("/").slice(0, -1)];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  return a.length + b.length - 2 * same;
}

function shownPath(path: string): string {
  return plainText(Buffer.from(path, "latin1").toString("utf8"));
}

function lockUnreadable(path: string, error: FormatError): Reason {
  const remedy = "write it anew with the tool that wrote it, look at the change, and commit it";
  return lacking("lock-unreadable", `${shownPath(path)}: ${plainText(error.message)}`, { remedy });
}
