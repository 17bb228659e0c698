/** Files of a commit that a person names by their paths, each read and hashed here. */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { compileGlob, matchesGlob } from "@firstmile/trust/policy/paths";
import type { SliceFile } from "@firstmile/trust/slice/file";
import type { SliceListing } from "@firstmile/trust/slice/names";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { treeOf } from "../admission/tree-of.ts";
import { blobOf, GitTree, GitTreeError } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { countLines } from "../reviewing/measure.ts";
import { modeOf } from "./published.ts";
import { TreeNames } from "./tree-names.ts";

/** A file with how long it is. */
export interface CountedFile {
  readonly file: SliceFile;
  readonly lines: number;
}

/** In the order of paths. Throws `RepositoryError` where not all of them can be read. */
export async function filesAt(
  git: NeutralGit,
  commit: CommitId,
  isWanted: (path: string) => boolean,
): Promise<CountedFile[]> {
  try {
    return await read(git, commit, isWanted);
  } catch (error) {
    throw error instanceof GitTreeError ? new RepositoryError(error.message) : error;
  }
}

async function read(
  git: NeutralGit,
  commit: CommitId,
  isWanted: (path: string) => boolean,
): Promise<CountedFile[]> {
  using objects = new GitObjects(git.env);
  const tree = await GitTree.read(objects, await treeOf(objects, commit));
  const leaves = [...tree.leaves()].filter(({ path, step }) => step.kind !== "submodule" && isWanted(path));
  const files: CountedFile[] = [];
  for await (const { item, id, content } of inOrder(objects, leaves, ({ step }) => blobOf(step))) {
    const sha256 = createHash("sha256").update(content).digest("hex");
    const file = { path: item.path, mode: modeOf(item.step), id, sha256, use: "evaluated" as const };
    files.push({ file, lines: countLines(content) });
  }
  return files.sort((a, b) => (a.file.path < b.file.path ? -1 : 1));
}

/** The listings of the directories that are named, or that lie below one. Throws `RepositoryError`. */
export async function listingsAt(
  git: NeutralGit,
  commit: CommitId,
  isWanted: (path: string) => boolean,
): Promise<SliceListing[]> {
  using objects = new GitObjects(git.env);
  try {
    const tree = await GitTree.read(objects, await treeOf(objects, commit));
    return new TreeNames(tree).listings().filter(({ path }) => isWanted(path));
  } catch (error) {
    throw error instanceof GitTreeError ? new RepositoryError(error.message) : error;
  }
}

/** Whether a path (Latin-1) is meant by one of these: itself, a directory that it is in, or a pattern from the root. */
export function named(paths: readonly string[]): (path: string) => boolean {
  const globs = paths
    .map((path) => compileGlob(path === "." ? "**" : `/${path.replace(/^(?:\.?\/)+/, "")}`))
    .filter((glob) => typeof glob !== "string");
  const exact = new Set(paths);
  return (path) => {
    const segments = path.split("/");
    return (
      exact.has(visiblePath(path)) ||
      exact.has(Buffer.from(path, "latin1").toString()) ||
      globs.some((glob) => matchesGlob(glob, segments))
    );
  };
}
