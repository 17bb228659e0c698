/**
 * The NAR hash of a Git tree, from objects that are re-hashed on the way: what a lock file names, and a SHA-256 over
 * all that a SHA-1 stands for. A submodule is an empty directory, as it is to Nix unless `submodules` is asked for.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { type NarDigest, type NarWriter, narHasher } from "@firstmile/formats/nix/nar";
import { blobOf, GitTree, GitTreeError, type TreeStep } from "./git-tree.ts";
import { eachInOrder } from "./in-order.ts";
import type { GitObjects } from "./objects.ts";

/** NAR hash and size of the tree. Throws `GitTreeError`. */
export async function treeNarHash(objects: GitObjects, tree: ObjectId): Promise<NarDigest> {
  return narHashOfTree(objects, await GitTree.read(objects, tree));
}

/** As `treeNarHash`, of a tree whose directories are read already. */
export async function narHashOfTree(objects: GitObjects, tree: GitTree): Promise<NarDigest> {
  const { writer, digest } = narHasher();
  try {
    writer.directory();
    await eachInOrder(objects, tree.steps(), blobOf, (step, content) => writeStep(writer, step, content));
    writer.endDirectory();
    return digest();
  } catch (error) {
    // A name or link that no NAR can hold: Nix would not take the tree either.
    if (error instanceof FormatError)
      throw new GitTreeError("corrupt-object", `${tree.root}: ${error.message}`);
    throw error;
  }
}

function writeStep(writer: NarWriter, step: TreeStep, content: Buffer): void {
  if (step.kind === "end") return writer.endDirectory();
  writer.entry(step.name);
  switch (step.kind) {
    case "directory":
      return writer.directory();
    case "submodule":
      writer.directory();
      return writer.endDirectory();
    case "symlink":
      return writer.symlink(content);
    case "file":
      writer.regular(content.length, step.executable);
      writer.content(content);
      return writer.endRegular();
  }
}
