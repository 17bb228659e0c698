import { createHash } from "node:crypto";
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import type { PolicyDigest } from "./policy.ts";

/** What the hashed bytes open with, so that no other digest of this project can be the same. */
const DOMAIN = "firstmile policy 1\0";

/**
 * SHA-256 over the files of a policy: the domain, then for each file, sorted by the bytes of its path, the length of
 * the path, the path, the length of the content, the content; lengths as 64-bit big-endian numbers of bytes.
 */
export function digestFiles(files: ReadonlyMap<string, Uint8Array>): PolicyDigest {
  const hash = createHash("sha256").update(DOMAIN);
  const sorted = [...files]
    .map(([path, content]) => ({ path: encodeUtf8(path), content }))
    .sort((a, b) => Buffer.compare(a.path, b.path));
  for (const { path, content } of sorted) {
    hash.update(length(path)).update(path).update(length(content)).update(content);
  }
  return hash.digest("hex") as PolicyDigest;
}

function length(bytes: Uint8Array): Uint8Array {
  const field = Buffer.alloc(8);
  field.writeBigUInt64BE(BigInt(bytes.length));
  return field;
}
