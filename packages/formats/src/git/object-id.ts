/**
 * Names of Git objects: the SHA-1 or SHA-256 of a short header and the content (gitformat-pack, hash-function
 * transition). Leaves out: SHA-1 collisions. Whoever can make two objects with one SHA-1 can swap them; only a
 * SHA-256 repository or a statement that names SHA-256 as well is proof against that.
 */
import { createHash, hash as hashOnce } from "node:crypto";
import { FormatError } from "../bytes/error.ts";

declare const objectIdBrand: unique symbol;
declare const commitIdBrand: unique symbol;

/** 40 (SHA-1) or 64 (SHA-256) lower-case hex digits. Always whole: an abbreviation names nothing. */
export type ObjectId = string & { readonly [objectIdBrand]: true };

/** The id of an object that was asked for, or pointed at, as a commit. */
export type CommitId = ObjectId & { readonly [commitIdBrand]: true };

export type ObjectKind = "commit" | "tree" | "blob" | "tag";
export type ObjectHash = "sha1" | "sha256";

/** Throws `FormatError` for anything but 40 or 64 lower-case hex digits. */
export function parseObjectId(text: string): ObjectId {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) {
    throw new FormatError("git object", "id", 0, "is not 40 or 64 lower-case hexadecimal digits");
  }
  return text as ObjectId;
}

/** As `parseObjectId`, where a commit is meant. */
export function parseCommitId(text: string): CommitId {
  return parseObjectId(text) as CommitId;
}

/** Which hash made this id. */
export function objectHashOf(id: ObjectId): ObjectHash {
  return id.length === 64 ? "sha256" : "sha1";
}

/** The id that Git gives to this content. */
export function hashObject(kind: "commit", content: Uint8Array, algorithm: ObjectHash): CommitId;
export function hashObject(kind: ObjectKind, content: Uint8Array, algorithm: ObjectHash): ObjectId;
export function hashObject(kind: ObjectKind, content: Uint8Array, algorithm: ObjectHash): ObjectId {
  const header = `${kind} ${content.length}\0`;
  if (content.length >= 16_384) {
    return createHash(algorithm).update(header, "latin1").update(content).digest("hex") as ObjectId;
  }
  // One call on a copy is faster than three on a hash object, until copying costs more than calling.
  const whole = Buffer.allocUnsafe(header.length + content.length);
  whole.write(header, "latin1");
  whole.set(content, header.length);
  return hashOnce(algorithm, whole, "hex") as ObjectId;
}
