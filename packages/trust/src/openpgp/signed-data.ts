/** What OpenPGP signatures cover, as the parts to hash one after the other (RFC 9580 section 5.2.4). */
import type { UserId } from "@firstmile/formats/openpgp/certificate";
import { keyFrame, type PublicKey } from "@firstmile/formats/openpgp/public-key";
import type { Signature } from "@firstmile/formats/openpgp/signature";

/** `data` as this signature covers it: its salt in front, what it says about itself behind. */
export function signedParts(signature: Signature, data: readonly Uint8Array[]): Uint8Array[] {
  return [signature.salt, ...data, signature.signedPart, signature.trailer];
}

export function keyData(...keys: readonly PublicKey[]): Uint8Array[] {
  return keys.flatMap(({ version, body }) => [keyFrame(version, body.length), body]);
}

/** Signatures of version 3 cover a user ID without anything in front of it. */
export function userIdData(
  primary: PublicKey,
  { kind, bytes }: UserId,
  version: 3 | 4 | 6 = 4,
): Uint8Array[] {
  if (version === 3) return [...keyData(primary), bytes];
  const length = bytes.length;
  const tag = kind === "user-id" ? 0xb4 : 0xd1;
  const frame = Uint8Array.of(tag, length >>> 24, length >>> 16, length >>> 8, length);
  return [...keyData(primary), frame, bytes];
}
