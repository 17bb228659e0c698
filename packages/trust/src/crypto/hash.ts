import { createHash, hash as hashOnce } from "node:crypto";

/**
 * The digests that a signature format may name, as node:crypto spells them. Being listed is not being good enough
 * to sign with: MD5, SHA-1 and RIPEMD-160 are here so that a caller can name what it refuses and compute old
 * fingerprints. Which of them a signature may rest on is each format's own decision.
 */
export type HashName =
  | "md5"
  | "sha1"
  | "ripemd160"
  | "sha224"
  | "sha256"
  | "sha384"
  | "sha512"
  | "sha3-256"
  | "sha3-512"
  | "blake2b512";

/** The digest of the parts one after the other, as if they were one byte string. */
export function digest(hash: HashName, ...parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return hashOnce(hash, parts[0]!, "buffer");
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return state.digest();
}
