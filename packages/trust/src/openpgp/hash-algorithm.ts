import { HashAlgorithm } from "@firstmile/formats/openpgp/algorithm";
import type { HashName } from "../crypto/hash.ts";

/**
 * How far a hash is trusted. `weak`: MD5 and RIPEMD-160, never. `sha1`: collisions are for sale (Leurent and Peyrin
 * 2020, made with two OpenPGP keys), so it holds only where a collision gains nothing. See self-signature.ts.
 */
export type HashGrade = "strong" | "sha1" | "weak";

interface GradedHash {
  readonly name: HashName;
  readonly grade: HashGrade;
}

const HASHES: ReadonlyMap<number, GradedHash> = new Map([
  [HashAlgorithm.md5, { name: "md5", grade: "weak" }],
  [HashAlgorithm.sha1, { name: "sha1", grade: "sha1" }],
  [HashAlgorithm.ripemd160, { name: "ripemd160", grade: "weak" }],
  [HashAlgorithm.sha224, { name: "sha224", grade: "strong" }],
  [HashAlgorithm.sha256, { name: "sha256", grade: "strong" }],
  [HashAlgorithm.sha384, { name: "sha384", grade: "strong" }],
  [HashAlgorithm.sha512, { name: "sha512", grade: "strong" }],
  [HashAlgorithm.sha3_256, { name: "sha3-256", grade: "strong" }],
  [HashAlgorithm.sha3_512, { name: "sha3-512", grade: "strong" }],
]);

/** Undefined for an algorithm ID that RFC 9580 section 9.5 does not give a hash. */
export function gradedHash(id: number): GradedHash | undefined {
  return HASHES.get(id);
}
