/**
 * Signatures that a certificate's primary key made about the certificate itself.
 *
 * SHA-1. GnuPG still accepts it on old keys, and real certificates carry it. Here it holds
 *  - in what the primary key says of itself (direct-key signatures, certifications of its own user IDs): the policy
 *    pins the certificate by its bytes, and a certification moved here by a collision could at most restate flags
 *    and expiry of a key that is pinned anyway;
 * Not in subkey bindings or back signatures: a collision there would bring in a key that its owner never saw, into
 * a certificate whose bytes a person fetched before pinning them. MD5 and RIPEMD-160 hold in none of these. Revocations
 * hold over any hash, MD5 included, because they only ever take away.
 *
 * A statement that does not hold and is newer than the one that does may still take away: what both allow is allowed.
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

export interface Told {
  readonly holds: Signature | undefined;
  /** Newer than that, by the same key, and not good enough to give anything. It still takes away. */
  readonly weaker: Signature | undefined;
}

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
  newest(...asked: Parameters<SelfSignatures["told"]>): Signature | undefined {
    return this.told(...asked).holds;
  }

  /** The same, with the newest one after it that the key made and that is too weak, or says what is not understood. */
  told(
    signatures: readonly Signature[],
    types: readonly number[],
    data: readonly Uint8Array[],
    grades: readonly HashGrade[],
  ): Told {
    const sorted = signatures
      .filter(({ type }) => types.includes(type))
      .reverse()
      .sort((a, b) => b.created - a.created);
    const passedOver: Signature[] = [];
    for (const signature of sorted) {
      const isGood = signature.version !== 3 && saysOnlyKnown(signature) && hasGrade(signature, grades);
      if (!isGood) passedOver.push(signature);
      else if (this.#isBy(signature, data))
        return { holds: signature, weaker: passedOver.find((one) => this.#isBy(one, data)) };
    }
    return { holds: undefined, weaker: undefined };
  }

  /**
   * Every revocation of this type over `data` that holds: unlike other statements also one of version 3, and one
   * with critical parts that are not understood, since ignoring it would be the less careful choice.
   */
  revocations(signatures: readonly Signature[], type: number, data: readonly Uint8Array[]): Signature[] {
    return signatures.filter((signature) => signature.type === type && this.#isBy(signature, data));
  }

  #isBy(signature: Signature, data: readonly Uint8Array[]): boolean {
    if (gradedHash(signature.hashAlgorithm) === undefined || !mayBeFrom(signature.issuer, this.#primary))
      return false;
    const size = data.reduce((sum, part) => sum + part.length, 0);
    this.#checks += 1 + Math.floor(size / BYTES_PER_CHECK);
    return !this.exhausted && this.#key.verify(signature, data);
  }
}

function hasGrade({ hashAlgorithm }: Signature, grades: readonly HashGrade[]): boolean {
  const hash = gradedHash(hashAlgorithm);
  return hash !== undefined && grades.includes(hash.grade);
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
