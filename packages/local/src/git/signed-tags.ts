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
  const { ids, isWhole: isListed } = await tagsOn(repository, wanted);
  let isWhole = isListed;
  // One that is too large to be a tag speaks for nobody, and keeps nobody else's from being read.
  const read = await objects.getReadable(ids);
  for (const [i, id] of ids.entries()) {
    const object = read[i];
    const tag = object?.type === "tag" ? soundTag(id, object.content) : undefined;
    if (!tag?.signature || !wanted(tag.object)) continue;
    const commit = tag.object as string as CommitId;
    const tags = found.get(commit) ?? [];
    if (tags.length < MAX_TAGS_OF_ONE) tags.push(tag);
    else isWhole = false;
    found.set(commit, tags);
  }
  return { tags: found, isWhole };
}

async function tagsOn(
  repository: string,
  wanted: (commit: string) => boolean,
): Promise<{ ids: ObjectId[]; isWhole: boolean }> {
  const format = "%(objecttype) %(objectname) %(*objectname)";
  const count = `--count=${MAX_TAGS + 1}`;
  const args = ["-C", repository, "for-each-ref", count, `--format=${format}`, ...TAG_REFS];
  const listed = await runOk("git", args, { env: ownRepositoriesEnv() });
  const lines = listed.toString("latin1").split("\n").filter(Boolean);
  const tags = lines
    .map((line) => line.split(" "))
    .filter(([type, , on]) => type === "tag" && wanted(on ?? ""));
  return { ids: [...new Set(tags.map(([, id]) => id as ObjectId))], isWhole: lines.length <= MAX_TAGS };
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
