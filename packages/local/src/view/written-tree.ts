/**
 * Trees as files on disk, for where nothing can be mounted. What may not be opened is written as nothing; every name is
 * written, so rules that hide names cannot be kept here.
 */
import { createHash } from "node:crypto";
import { latin1 } from "@firstmile/formats/bytes/text";
import { linkDefect } from "@firstmile/formats/git/link-target";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { entryType, type NamedEntry } from "@firstmile/formats/statement/listing";
import { writeTree } from "../admission/tree.ts";
import { GitTree } from "../git/git-tree.ts";
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
export interface WrittenFiles {
  readonly files: ReadonlyMap<string, WrittenFile>;
  readonly listings: ReadonlyMap<string, readonly NamedEntry[]>;
}

export interface WrittenTree extends WrittenFiles {
  /** Where the command sees it, links on the way resolved. */
  readonly at: string;
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
      // A link that Linux would not follow as it is written cannot be written either.
      const isBroken = step.kind === "symlink" && linkDefect(content) !== undefined;
      const allowed = !isBroken && allows(rules, path, sha256);
      const mode = step.kind === "symlink" ? SYMLINK : step.executable ? 0o100755 : 0o100644;
      files.set(path, { mode, id: step.id, sha256, allowed });
      return allowed;
    });
    return { files, listings: listingsOf(await GitTree.read(objects, tree)) };
  } finally {
    git.dispose();
  }
}

/** By the path of the directory; a submodule is one without entries. */
function listingsOf(tree: GitTree): Map<string, readonly NamedEntry[]> {
  const listings = new Map<string, readonly NamedEntry[]>();
  const enter = (path: string, id: ObjectId) => {
    const entries = tree.entriesOf(id).map(({ mode, name, id: entry }) => ({
      type: entryType(mode),
      name: latin1(name),
      id: entry,
    }));
    listings.set(
      path,
      entries.map(({ type, name }) => ({ type, name })),
    );
    for (const { type, name, id: inner } of entries) {
      const below = path === "" ? name : `${path}/${name}`;
      if (type === "d") enter(below, inner);
      else if (type === "s") listings.set(below, []);
    }
  };
  enter("", tree.root);
  return listings;
}
