/**
 * A Git tree as files on disk and as a store path. All from objects that are re-hashed on the way (git/git-tree.ts),
 * never from a checkout that somebody may have touched.
 *
 * A submodule is an empty directory, as it is to Nix unless `submodules` is asked for. Leaves out what Git does to
 * files when it checks them out (end-of-line conversion, filters such as LFS): Nix does not do it either.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { type StorePath, sourceStorePath } from "@firstmile/formats/nix/store-path";
import { blobOf, GitTree, type TreeStep } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import type { GitObjects } from "../git/objects.ts";
import { treeNarHash } from "../git/tree-nar-hash.ts";
import { NixError, type NixTools } from "./nix-tools.ts";

/** What is written of a file or link: itself, or an empty file that nobody may open. */
export type Admit = (path: string, step: TreeStep & { kind: "file" | "symlink" }, content: Buffer) => boolean;

/**
 * Writes the tree's files into `dir`, which must not exist. Nothing is followed or overwritten: every directory is
 * one made here, every file is created new, and no name has a slash. Throws `GitTreeError`, or what the file system
 * says; `dir` may then be there in part.
 */
export async function writeTree(
  objects: GitObjects,
  tree: ObjectId,
  dir: string,
  admit: Admit = () => true,
): Promise<void> {
  const read = await GitTree.read(objects, tree);
  mkdirSync(dir, { mode: 0o755 });
  const root = Buffer.from(`${dir}/`);
  const open: Buffer[] = [root];
  for await (const { item, content } of inOrder(objects, read.steps(), blobOf)) {
    if (item.kind === "end") open.pop();
    else if (item.kind === "directory" || item.kind === "submodule") placeDirectory(open, item);
    else {
      const path = Buffer.concat([open.at(-1)!, item.name]);
      placeFile(path, admit(path.toString("latin1", root.length), item, content) ? item : REFUSED, content);
    }
  }
}

/** Names are bytes, and stay bytes: not every one is UTF-8. */
function placeDirectory(
  open: Buffer[],
  { kind, name }: TreeStep & { kind: "directory" | "submodule" },
): void {
  const path = Buffer.concat([open.at(-1)!, name]);
  mkdirSync(path, { mode: 0o755 });
  if (kind === "directory") open.push(Buffer.concat([path, SLASH]));
}

const REFUSED = { kind: "refused" } as const;

function placeFile(
  path: Buffer,
  step: (TreeStep & { kind: "file" | "symlink" }) | typeof REFUSED,
  content: Buffer,
): void {
  switch (step.kind) {
    case "refused":
      return writeFileSync(path, "", { flag: "wx", mode: 0 });
    case "symlink":
      return symlinkSync(content, path);
    case "file":
      return writeFileSync(path, content, { flag: "wx", mode: step.executable ? 0o555 : 0o444 });
  }
}

const SLASH = Buffer.from("/");

/**
 * Puts the tree into the store, where Nix looks for a locked input with this NAR hash: under the name `source`, unless
 * its fetcher was told another. Throws `GitTreeError` and `NixError`.
 */
export async function addTreeToStore(
  nix: NixTools,
  objects: GitObjects,
  tree: ObjectId,
  name = "source",
): Promise<StorePath> {
  const { narHash } = await treeNarHash(objects, tree);
  const expected = sourceStorePath(narHash, name, [], false, nix.storeDir);
  if (await isValid(nix, expected)) return expected;
  const dir = mkdtempSync(join(tmpdir(), "firstmile-tree-"));
  try {
    await writeTree(objects, tree, join(dir, name));
    const added = await nix.run("nix-store", ["--add", join(dir, name)]);
    if (added.code !== 0) throw new NixError(`the store takes no tree: ${lastLine(added.stderr)}`);
    const path = added.stdout.toString("latin1").trimEnd();
    if (path !== expected) throw new NixError(`the store put ${expected} at ${path}: its files were changed`);
    return expected;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function isValid(nix: NixTools, path: StorePath): Promise<boolean> {
  return (await nix.run("nix-store", ["--check-validity", path])).code === 0;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
