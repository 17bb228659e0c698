/**
 * A commit's tree as `git archive` gives it, which is what forges make tarballs with: files that the tree's own
 * .gitattributes mark `export-ignore` are left out, `$Format:…$` is filled in where they say `export-subst`, and line
 * ends become CRLF where they say `eol=crlf`.
 *
 * Claims: the archive differs from the commit in these three ways only, whatever `git` printed: each file is compared
 * with the object of its path. Against: an archive that smuggles. Leaves out which files the attributes name exactly:
 * that a file is missing is Git's word, for a tree that carries such attributes at all.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommitId, hashObject, objectHashOf } from "@firstmile/formats/git/object-id";
import type { NarHash } from "@firstmile/formats/nix/hash";
import { type NarDirectory, type NarNode, narDigest } from "@firstmile/formats/nix/nar";
import { type StorePath, sourceStorePath } from "@firstmile/formats/nix/store-path";
import { ArchiveRefused } from "../archives/refused.ts";
import { type TarEntry, tarEntries } from "../archives/tar.ts";
import { TreeBuilder } from "../archives/tree.ts";
import { type GitTree, GitTreeError, type TreeLeaf } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import type { NeutralGit } from "../git/neutral.ts";
import type { GitObjects } from "../git/objects.ts";
import { runOk } from "../process/run.ts";
import { NixError, type NixTools } from "./nix-tools.ts";

export interface ArchivedTree {
  readonly root: NarDirectory;
  readonly narHash: NarHash;
  readonly narSize: number;
  /** Each file that differs from the commit's, and how, for people. */
  readonly changes: readonly string[];
}

/** Held in memory, since only trees with such attributes come here. */
const MAX_ARCHIVE_BYTES = 1 << 30;
const ATTRIBUTES = /(?:^|[\t ])(?:export-ignore|export-subst|eol=crlf)(?:[\t ]|$)/m;

/** Undefined where the tree has no attribute that would make an archive differ. Throws `GitTreeError`. */
export async function archivedTree(
  git: NeutralGit,
  objects: GitObjects,
  commit: CommitId,
  tree: GitTree,
): Promise<ArchivedTree | undefined> {
  if (!(await hasExportAttributes(objects, tree))) return undefined;
  const args = ["archive", "--format=tar", commit];
  const archive = await runOk("git", args, { env: git.env, maxBytes: MAX_ARCHIVE_BYTES });
  const check = new ArchiveCheck(objects, tree);
  const built = new TreeBuilder();
  try {
    for (const entry of tarEntries(archive)) {
      await check.entry(entry);
      built.add(entry);
    }
  } catch (error) {
    if (error instanceof ArchiveRefused)
      throw new GitTreeError("corrupt-object", `git archive: ${error.message}`);
    throw error;
  }
  const node = built.whole();
  return { root: node, ...narDigest(node), changes: check.end() };
}

async function hasExportAttributes(objects: GitObjects, tree: GitTree): Promise<boolean> {
  const files = [...tree.leaves()].filter(
    ({ path, step }) => step.kind === "file" && /(?:^|\/)\.gitattributes$/.test(path),
  );
  for await (const { content } of inOrder(objects, files, ({ step }) => ({ id: step.id, kind: "blob" }))) {
    if (ATTRIBUTES.test(content.toString("latin1"))) return true;
  }
  return false;
}

/** Holds each entry of an archive against the commit's tree. */
class ArchiveCheck {
  private readonly objects: GitObjects;
  private readonly leaves = new Map<string, TreeLeaf>();
  private readonly directories = new Set<string>();
  private readonly changes: string[] = [];

  constructor(objects: GitObjects, tree: GitTree) {
    this.objects = objects;
    for (const { path, step } of tree.leaves()) {
      this.leaves.set(path, step);
      for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1))
        this.directories.add(path.slice(0, at));
    }
  }

  async entry(entry: TarEntry): Promise<void> {
    if (entry.kind === "directory") return this.directory(entry.path.replace(/\/$/, ""));
    const leaf = this.leaves.get(entry.path);
    // Git writes no hard links.
    if (entry.kind === "hardlink" || !leaf || leaf.kind !== entry.kind) return this.refuse(entry.path);
    this.leaves.delete(entry.path);
    const content = entry.kind === "file" ? entry.content : entry.target;
    if (leaf.kind === "file" && entry.kind === "file" && leaf.executable !== entry.executable)
      return this.refuse(entry.path);
    if (hashObject("blob", content, objectHashOf(leaf.id)) === leaf.id) return;
    if (entry.kind !== "file") return this.refuse(entry.path);
    for await (const { content: signed } of inOrder(this.objects, [leaf], ({ id }) => ({ id, kind: "blob" })))
      this.compare(entry.path, signed, Buffer.from(content));
  }

  private directory(path: string): void {
    if (this.leaves.get(path)?.kind === "submodule") this.leaves.delete(path);
    else if (!this.directories.has(path)) this.refuse(path);
  }

  /** The changes, with what the archive left out. */
  end(): string[] {
    const left = [...this.leaves.keys()].map((path) => `${shown(path)} is left out (export-ignore)`);
    return [...this.changes, ...left];
  }

  private compare(path: string, signed: Buffer, archived: Buffer): void {
    if (isFilledIn(signed, archived))
      this.changes.push(`${shown(path)} has $Format$ filled in (export-subst)`);
    else if (withoutCr(archived).equals(withoutCr(signed)))
      this.changes.push(`${shown(path)} has CRLF (eol=crlf)`);
    else this.refuse(path);
  }

  private refuse(path: string): never {
    throw new GitTreeError(
      "corrupt-object",
      `git archive gives ${shown(path)}, which the commit's tree does not hold`,
    );
  }
}

function shown(path: string): string {
  return JSON.stringify(Buffer.from(path, "latin1").toString("utf8"));
}

/** Whether only `$Format:…$` was replaced. By the pieces in between, in order, so no input makes it slow. */
function isFilledIn(signed: Buffer, archived: Buffer): boolean {
  const pieces = signed.toString("latin1").split(/\$Format:[^$\n]*\$/);
  const text = archived.toString("latin1");
  if (pieces.length === 1 || !text.startsWith(pieces[0]!)) return false;
  const last = pieces.at(-1)!;
  let at = pieces[0]!.length;
  for (const piece of pieces.slice(1, -1)) {
    const next = text.indexOf(piece, at);
    if (next < 0) return false;
    at = next + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function withoutCr(content: Buffer): Buffer {
  return Buffer.from(content.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
}

/** Puts the archived tree into the store. Throws `NixError`. */
export async function addArchiveToStore(
  nix: NixTools,
  { root, narHash }: ArchivedTree,
  name: string,
): Promise<StorePath> {
  const expected = sourceStorePath(narHash, name, [], false, nix.storeDir);
  const dir = mkdtempSync(join(tmpdir(), "firstmile-tree-"));
  try {
    writeArchived(join(dir, name), { root });
    const added = await nix.run("nix-store", ["--add", join(dir, name)]);
    const path = added.stdout.toString("latin1").trimEnd();
    if (added.code !== 0 || path !== expected) throw new NixError(`the store does not take ${expected}`);
    return expected;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Writes it into a directory that must not be there yet. */
export function writeArchived(dir: string, { root }: Pick<ArchivedTree, "root">): void {
  write(Buffer.from(dir), root);
}

function write(path: Buffer, node: NarNode): void {
  if (node.kind === "symlink") symlinkSync(Buffer.from(node.target), path);
  else if (node.kind === "regular") {
    const mode = node.executable ? 0o555 : 0o444;
    writeFileSync(path, Buffer.concat([...node.content]), { flag: "wx", mode });
  } else {
    mkdirSync(path, { mode: 0o755 });
    for (const { name, node: below } of node.entries)
      write(Buffer.concat([path, Buffer.from("/"), name]), below);
  }
}
