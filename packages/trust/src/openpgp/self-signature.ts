/**
 * Signatures that a certificate's primary key made about the certificate itself.
 *
 * SHA-1. GnuPG still accepts it on old keys, and real certificates carry it. Here it holds
 *  - in what the primary key says of itself (direct-key signatures, certifications of its own user IDs): the policy
 *    pins the certificate by its bytes, and a certification moved here by a collision could at most restate flags
 *    and expiry of a key that is pinned anyway;
 *  - in revocations, which only ever take away.
 * Not in subkey bindings or back signatures: a collision there would bring in a key that its owner never saw, into
 * a certificate whose bytes somebody fetched before pinning them. MD5 and RIPEMD-160 hold nowhere.
 */

import type { Issuer } from "@firstmile/formats/openpgp/issuer";
import type { PublicKey } from "@firstmile/formats/openpgp/public-key";
import type { Signature } from "@firstmile/formats/openpgp/signature";
import { gradedHash, type HashGrade } from "./hash-algorithm.ts";
import type { VerifyingKey } from "./verifying-key.ts";

/**
 * Checks of one certificate's own signatures. An owner makes a few dozen; whoever floods a certificate with
 * imitations on a key server pays nothing for each, and the reader a verification.
 */
const MAX_CHECKS = 500;
/** Hashing this much costs about what a signature does, and counts as one more check. */
const BYTES_PER_CHECK = 64 * 1024;

export class SelfSignatures {
  readonly #primary: PublicKey;
  readonly #key: VerifyingKey;
  #checks = 0;

  constructor(primary: PublicKey, key: VerifyingKey) {
    this.#primary = primary;
    this.#key = key;
  }

  /** Whether the bound was reached: then some signatures were never looked at, and the certificate must not count. */
  get exhausted(): boolean {
    return this.#checks > MAX_CHECKS;
  }

  /** The newest statement of these types over `data` that holds; of two in one second, the later one in the file. */
  newest(
    signatures: readonly Signature[],
    types: readonly number[],
    data: readonly Uint8Array[],
    grades: readonly HashGrade[],
  ): Signature | undefined {
    return signatures
      .filter(
        (signature) => types.includes(signature.type) && signature.version !== 3 && saysOnlyKnown(signature),
      )
      .reverse()
      .sort((a, b) => b.created - a.created)
      .find((signature) => this.#holds(signature, data, grades));
  }

  /**
   * Every revocation of this type over `data` that holds: unlike other statements also one of version 3, and one
   * with critical parts that are not understood, since ignoring it would be the less careful choice.
   */
  revocations(signatures: readonly Signature[], type: number, data: readonly Uint8Array[]): Signature[] {
    return signatures.filter(
      (signature) => signature.type === type && this.#holds(signature, data, ["strong", "sha1"]),
    );
  }

  #holds(signature: Signature, data: readonly Uint8Array[], grades: readonly HashGrade[]): boolean {
    const hash = gradedHash(signature.hashAlgorithm);
    if (hash === undefined || !grades.includes(hash.grade) || !mayBeFrom(signature.issuer, this.#primary))
      return false;
    const size = data.reduce((sum, part) => sum + part.length, 0);
    this.#checks += 1 + Math.floor(size / BYTES_PER_CHECK);
    return !this.exhausted && this.#key.verify(signature, data);
  }
}

/** RFC 9580 section 5.2.3.7: a critical subpacket or notation that is not understood voids its signature. */
export function saysOnlyKnown(signature: Signature): boolean {
  return signature.unknownCritical.length === 0 && signature.notations.every(({ critical }) => !critical);
}

/** Spares the mathematics for the many certifications by others. No issuer at all may be anyone. */
export function mayBeFrom(issuer: Issuer, key: PublicKey): boolean {
  if (issuer.kind === "fingerprint") return issuer.fingerprint === key.fingerprint;
  return issuer.kind === "none" || issuer.keyId === key.keyId;
}
