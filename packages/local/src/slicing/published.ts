/** The files and names of published slices as the commit has them, each read and hashed here. */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  type CommittedFile,
  type PublishedSlice,
  type Vouched,
  type VouchedNames,
  vouchedSlices,
} from "@firstmile/trust/slice/channels";
import { treeOf } from "../admission/tree-of.ts";
import { blobOf, GitTree, type TreeLeaf } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { TreeNames } from "./tree-names.ts";

/** What the slices vouch for, files by path. Throws `GitTreeError`, `RepositoryError`. */
export async function vouchedFiles(
  git: NeutralGit,
  commit: CommitId,
  slices: readonly PublishedSlice[],
): Promise<{ readonly paths: ReadonlyMap<string, Vouched>; readonly names: VouchedNames | undefined }> {
  if (slices.length === 0) return { paths: new Map(), names: undefined };
  using objects = new GitObjects(git.env);
  const wanted = new Set(slices.flatMap(({ channel }) => channel.paths));
  const tree = await GitTree.read(objects, await treeOf(objects, commit));
  const leaves = [...tree.leaves()].filter(({ path }) => wanted.has(path));
  const files = new Map<string, CommittedFile>();
  for await (const { item, content } of inOrder(objects, leaves, ({ step }) => blobOf(step))) {
    const sha256 = createHash("sha256").update(content).digest("hex");
    if (item.step.kind !== "submodule") files.set(item.path, { mode: modeOf(item.step), sha256 });
  }
  const names = new TreeNames(tree);
  return vouchedSlices(slices, {
    fileAt: (path) => files.get(path),
    listingAt: (path) => names.listing(path),
    typeAt: (path) => names.entry(path)?.type ?? "-",
  });
}

/** As in a Git tree. */
export function modeOf(step: TreeLeaf): number {
  if (step.kind === "symlink") return 0o120000;
  if (step.kind === "submodule") return 0o160000;
  return step.executable ? 0o100755 : 0o100644;
}
