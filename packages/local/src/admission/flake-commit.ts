/** What Nix makes of a commit of a flake: its tree, as an input of a seal, and what an expression can read of it. */

import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { sourceStorePath } from "@firstmile/formats/nix/store-path";
import { GitTree, GitTreeError } from "../git/git-tree.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { narHashOfTree } from "../git/tree-nar-hash.ts";
import { atLeast, parseVersion } from "../nix-conf/version.ts";
import { archivedTree, writeArchived } from "./archive.ts";
import { type AuthenticInput, writtenInput } from "./authentic-input.ts";
import type { FlakeCommit } from "./flake-wrapper.ts";
import { countCommits, fileInTree } from "./lock.ts";
import type { NixTools } from "./nix-tools.ts";
import { writeTree } from "./tree.ts";

export interface FlakeTree {
  readonly flake: FlakeCommit;
  readonly input: AuthenticInput;
}

/** `below`: a directory of this process's own, for the tree. Throws `RepositoryError` and `GitTreeError`. */
export async function flakeTree(
  nix: NixTools,
  repository: string,
  commit: CommitId,
  dir: string,
  below: string,
): Promise<FlakeTree> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const object = await objects.get(commit);
    if (object?.type !== "commit")
      throw new GitTreeError("missing-object", `${commit} is not in ${repository}`);
    const { tree: root, committer } = parseCommit(object.content);
    const tree = await GitTree.read(objects, root);
    const archived = byArchive(nix) ? await archivedTree(git, objects, commit, tree) : undefined;
    const { narHash, narSize } = archived ?? (await narHashOfTree(objects, tree));
    const path = sourceStorePath(narHash, "source", [], false, nix.storeDir);
    const write = async (to: string) =>
      archived ? writeArchived(to, archived) : writeTree(objects, root, to);
    const input = await writtenInput(nix, { path, narHash, narSize }, below, write);
    const lock = (
      await fileInTree(objects, root, [...dir.split("/"), "flake.lock"].filter(isName).join("/"))
    )?.toString();
    const revCount = await countCommits(git, commit);
    const lastModified = committer.identity().time;
    const place = dir.split("/").filter(isName).join("/");
    return { flake: { commit, narHash, revCount, lastModified, dir: place, lock }, input };
  } finally {
    git.dispose();
  }
}

function isName(part: string): boolean {
  return part !== "" && part !== ".";
}

/** Before 2.20 Nix lets Git archive the commit, by the tree's own attributes. */
function byArchive({ version }: NixTools): boolean {
  const parsed = parseVersion(version);
  return !parsed || !atLeast(parsed, 2, 20);
}
