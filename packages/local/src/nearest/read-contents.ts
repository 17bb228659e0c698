/**
 * Contents that statements speak of, from a repository.
 *
 * Claims: what is handed over has the Git id and the SHA-256 that were signed. Against: an object database with other
 * bytes, two files of one SHA-1, and statements that name an id and the digest of something else.
 */
import { hash } from "node:crypto";
import { hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import type { GitObjects } from "../git/objects.ts";

export interface ContentName {
  readonly id: ObjectId;
  /** In hex. */
  readonly sha256: string;
}

/** Why a content that was signed cannot be read here. */
export type Unreadable = "gone" | "too-large" | "other-content";

/** Ids asked for at once: more than a pipe holds, so that Git never waits. */
const AT_ONCE = 8192;

/** Hands over each as soon as it is here, in the order given. Rejects where Git cannot be asked. */
export async function readContents<Name extends ContentName>(
  objects: GitObjects,
  names: readonly Name[],
  take: (name: Name, content: Buffer | Unreadable) => void,
): Promise<void> {
  const batches: Promise<void>[] = [];
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const batch = names.slice(from, from + AT_ONCE);
    const ids = batch.map(({ id }) => id);
    batches.push(
      objects.each(ids, (object, place) => {
        const name = batch[place]!;
        if (!object) take(name, "gone");
        else if ("oversized" in object) take(name, "too-large");
        else take(name, isNamed(name, object.type, object.content) ? object.content : "other-content");
      }),
    );
    // Two of them at once: one that Git works at, and one that waits for it.
    await batches.at(-2);
  }
  await Promise.all(batches);
}

function isNamed({ id, sha256 }: ContentName, type: string, content: Buffer): boolean {
  if (type !== "blob" || hashObject("blob", content, objectHashOf(id)) !== id) return false;
  return hash("sha256", content, "hex") === sha256;
}
