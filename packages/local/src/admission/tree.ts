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

/**
 * Writes the tree's files into `dir`, which must not exist. Nothing is followed or overwritten: every directory is
 * one made here, every file is created new, and no name has a slash. Throws `GitTreeError`, or what the file system
 * says; `dir` may then be there in part.
 */
export async function writeTree(objects: GitObjects, tree: ObjectId, dir: string): Promise<void> {
  const read = await GitTree.read(objects, tree);
  mkdirSync(dir, { mode: 0o755 });
  const open: Buffer[] = [Buffer.from(`${dir}/`)];
  for await (const { item, content } of inOrder(objects, read.steps(), blobOf)) {
    if (item.kind === "end") open.pop();
    else placeStep(open, item, content);
  }
}

/** Names are bytes, and stay bytes: not every one is UTF-8. */
function placeStep(open: Buffer[], step: Exclude<TreeStep, { kind: "end" }>, content: Buffer): void {
  const path = Buffer.concat([open.at(-1)!, step.name]);
  switch (step.kind) {
    case "directory":
      mkdirSync(path, { mode: 0o755 });
      open.push(Buffer.concat([path, SLASH]));
      return;
    case "submodule":
      return mkdirSync(path, { mode: 0o755 });
    case "symlink":
      return symlinkSync(content, path);
    case "file":
      return writeFileSync(path, content, { flag: "wx", mode: step.executable ? 0o555 : 0o444 });
  }
}

const SLASH = Buffer.from("/");

/**
 * Puts the tree into the store under the name `source`, where Nix looks for a locked input with this NAR hash.
 * Throws `GitTreeError` and `NixError`.
 */
export async function addTreeToStore(nix: NixTools, objects: GitObjects, tree: ObjectId): Promise<StorePath> {
  const { narHash } = await treeNarHash(objects, tree);
  const expected = sourceStorePath(narHash, "source", [], false, nix.storeDir);
  if (await isValid(nix, expected)) return expected;
  const dir = mkdtempSync(join(tmpdir(), "firstmile-tree-"));
  try {
    await writeTree(objects, tree, join(dir, "source"));
    const added = await nix.run("nix-store", ["--add", join(dir, "source")]);
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
