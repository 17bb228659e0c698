/**
 * Signed tags on commits: whoever signs a tag signs the id of the commit that it names. Claim: what is handed on is a
 * tag object that hashes to its id and names this commit. Nothing is made of the tag's name, which whoever keeps the
 * repository can give to any ref. Left out: tags of tags.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { parseTag, type Tag } from "@firstmile/formats/git/tag";
import { run } from "../process/run.ts";
import { ownRepositoriesEnv } from "./neutral.ts";
import type { GitObject, GitObjects } from "./objects.ts";

const TAG_REFS = ["refs/tags", "refs/firstmile/tags"];
/** Most tags of a repository that are looked at. */
const MAX_TAGS = 50_000;
const MAX_TAGS_OF_ONE = 16;

/** Signed tags by the commit they name, for the commits that `wanted` lets through. */
export async function readSignedTags(
  repository: string,
  objects: GitObjects,
  wanted: (commit: string) => boolean,
): Promise<Map<CommitId, Tag[]>> {
  const found = new Map<CommitId, Tag[]>();
  const ids = await tagsOn(repository, wanted);
  const read = new Array<GitObject | undefined>(ids.length);
  // One that is too large to be a tag speaks for nobody, and keeps nobody else's from being read.
  await objects.each(ids, (object, place) => {
    if (object && !("oversized" in object)) read[place] = object;
  });
  for (const [i, id] of ids.entries()) {
    const object = read[i];
    const tag = object?.type === "tag" ? soundTag(id, object.content) : undefined;
    if (!tag?.signature || !wanted(tag.object)) continue;
    const commit = tag.object as string as CommitId;
    const tags = found.get(commit) ?? [];
    if (tags.length < MAX_TAGS_OF_ONE) found.set(commit, [...tags, tag]);
  }
  return found;
}

async function tagsOn(repository: string, wanted: (commit: string) => boolean): Promise<ObjectId[]> {
  const format = "%(objecttype) %(objectname) %(*objectname)";
  const args = ["-C", repository, "for-each-ref", `--count=${MAX_TAGS}`, `--format=${format}`, ...TAG_REFS];
  const listed = await run("git", args, { env: ownRepositoriesEnv() });
  const lines = listed.stdout.toString("latin1").split("\n");
  const tags = lines
    .map((line) => line.split(" "))
    .filter(([type, , on]) => type === "tag" && wanted(on ?? ""));
  return [...new Set(tags.map(([, id]) => id as ObjectId))];
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
