import { parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { RepositoryError } from "../git/neutral.ts";
import type { GitObjects } from "../git/objects.ts";

/** The tree of a commit, from an object that hashes to its id. Throws `RepositoryError`. */
export async function treeOf(objects: GitObjects, commit: CommitId): Promise<ObjectId> {
  const object = await objects.get(commit);
  if (object?.type !== "commit" || hashObject("commit", object.content, objectHashOf(commit)) !== commit) {
    throw new RepositoryError(`commit ${commit} cannot be read`);
  }
  return parseCommit(object.content).tree;
}
