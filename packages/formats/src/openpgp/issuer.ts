/** Who made a signature, as far as it says so itself. */
import type { ByteReader } from "../bytes/reader.ts";
import { encodeHex } from "../bytes/text.ts";
import { type KeyId, keyIdOf, type OpenPgpFingerprint } from "./public-key.ts";
import { type Subpacket, SubpacketType } from "./subpacket.ts";

/** Who a signature says made it; the first of these that it carries, in this order. */
export type Issuer =
  | { readonly kind: "fingerprint"; readonly fingerprint: OpenPgpFingerprint; readonly keyId: KeyId }
  | { readonly kind: "key-id"; readonly keyId: KeyId }
  | { readonly kind: "none" };

/**
 * The hashed fingerprint names the issuer. Without one the rest are hints, the hashed ones first: whoever moves an
 * unhashed hint can make the key hard to find, never another key pass.
 */
export function findIssuer(
  version: 4 | 6,
  hashed: readonly Subpacket[],
  unhashed: readonly Subpacket[],
): Issuer {
  return (
    fingerprintIn(version, hashed) ??
    keyIdIn(hashed) ??
    fingerprintIn(version, unhashed) ??
    keyIdIn(unhashed) ?? { kind: "none" }
  );
}

function fingerprintIn(signatureVersion: 4 | 6, area: readonly Subpacket[]): Issuer | undefined {
  const body = area.find(({ type }) => type === SubpacketType.issuerFingerprint)?.body;
  if (body === undefined) return undefined;
  const version = body.u8("issuer key version");
  // Section 5.2.3.35: a signature's version and its issuer's are the same.
  if (version !== signatureVersion) body.fail("issuer key version", `${version} is not the signature's`, 0);
  const fingerprint = encodeHex(body.take(version === 4 ? 20 : 32, "issuer fingerprint")).toUpperCase();
  body.end("issuer fingerprint");
  return {
    kind: "fingerprint",
    fingerprint: fingerprint as OpenPgpFingerprint,
    keyId: keyIdOf(signatureVersion, fingerprint),
  };
}

function keyIdIn(area: readonly Subpacket[]): Issuer | undefined {
  const body = area.find(({ type }) => type === SubpacketType.issuerKeyId)?.body;
  if (body === undefined) return undefined;
  const keyId = readKeyId(body);
  body.end("issuer key ID");
  return { kind: "key-id", keyId };
}

export function readKeyId(reader: ByteReader): KeyId {
  return encodeHex(reader.take(8, "issuer key ID")).toUpperCase() as KeyId;
}
