/** Trees as files on disk, for where nothing can be mounted. What may not be opened is written as nothing. */
import { createHash } from "node:crypto";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { writeTree } from "../admission/tree.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { SYMLINK } from "./inode-table.ts";
import { allows } from "./rules.ts";
import type { ViewTree } from "./view.ts";

/** A file or link as it was written down. */
export interface WrittenFile {
  readonly mode: number;
  readonly id: ObjectId;
  readonly sha256: string;
  readonly allowed: boolean;
}

/** By path. */
export type WrittenFiles = ReadonlyMap<string, WrittenFile>;

export interface WrittenTree {
  /** Where the command sees it, links on the way resolved. */
  readonly at: string;
  readonly files: WrittenFiles;
}

/** Writes a tree into `dir`, which must not be there yet. Throws `GitTreeError` and `RepositoryError`. */
export async function writeViewTree(
  { repository, tree, rules }: ViewTree,
  dir: string,
): Promise<WrittenFiles> {
  const files = new Map<string, WrittenFile>();
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    await writeTree(objects, tree, dir, (path, step, content) => {
      const sha256 = createHash("sha256").update(content).digest("hex");
      const allowed = allows(rules, path, sha256);
      const mode = step.kind === "symlink" ? SYMLINK : step.executable ? 0o100755 : 0o100644;
      files.set(path, { mode, id: step.id, sha256, allowed });
      return allowed;
    });
  } finally {
    git.dispose();
  }
  return files;
}
