/**
 * Signed tags on commits: whoever signs a tag signs the id of the commit that it names. Claim: what is handed on is a
 * tag object that hashes to its id and names this commit. Nothing is made of the tag's name, which whoever keeps the
 * repository can give to any ref. Left out: tags of tags.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { parseTag, type Tag } from "@firstmile/formats/git/tag";
import { runOk } from "../process/run.ts";
import { ownRepositoriesEnv } from "./neutral.ts";
import type { GitObjects } from "./objects.ts";

const TAG_REFS = ["refs/tags", "refs/firstmile/tags"];
/** Most tags of a repository that are looked at, and most of one commit. That there are more is told. */
const MAX_TAGS = 200_000;
const MAX_TAGS_OF_ONE = 4096;

export interface ReadTags {
  /** By the commit they name. */
  readonly tags: Map<CommitId, Tag[]>;
  readonly isWhole: boolean;
}

/** Signed tags of the commits that `wanted` lets through. */
export async function readSignedTags(
  repository: string,
  objects: GitObjects,
  wanted: (commit: string) => boolean,
): Promise<ReadTags> {
  const found = new Map<CommitId, Tag[]>();
  const ids = await tagIds(repository);
  let isWhole = ids.length <= MAX_TAGS;
  // One that is too large to be a tag speaks for nobody, and keeps nobody else's from being read.
  await objects.each(ids.slice(0, MAX_TAGS), (object) => {
    if (object?.type !== "tag" || "oversized" in object) return;
    const tag = soundTag(object.id as ObjectId, object.content);
    if (!tag?.signature || !wanted(tag.object)) return;
    const commit = tag.object as string as CommitId;
    const tags = found.get(commit) ?? [];
    if (tags.length < MAX_TAGS_OF_ONE) tags.push(tag);
    else isWhole = false;
    found.set(commit, tags);
  });
  return { tags: found, isWhole };
}

/** Only what the references say: asked for more, Git ends at the first tag that is malformed or missing. */
async function tagIds(repository: string): Promise<string[]> {
  const format = "--format=%(objectname)";
  const args = ["-C", repository, "for-each-ref", `--count=${MAX_TAGS + 1}`, format, ...TAG_REFS];
  const listed = await runOk("git", args, { env: ownRepositoriesEnv() });
  return [...new Set(listed.toString("latin1").split("\n").filter(Boolean))];
}

function soundTag(id: ObjectId, content: Uint8Array): Tag | undefined {
  try {
    if (hashObject("tag", content, objectHashOf(id)) !== id) return undefined;
    const tag = parseTag(content);
    return tag.type === "commit" ? tag : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
