/**
 * Signature subpackets (RFC 9580 section 5.2.3.7): framing, and which of them this package understands.
 */
import type { ByteReader } from "../bytes/reader.ts";

/** Subpacket type IDs of RFC 9580 section 5.2.3.7. */
export const SubpacketType = {
  creationTime: 2,
  expirationTime: 3,
  exportable: 4,
  trust: 5,
  revocable: 7,
  keyExpirationTime: 9,
  preferredSymmetric: 11,
  revocationKey: 12,
  issuerKeyId: 16,
  notation: 20,
  preferredHash: 21,
  preferredCompression: 22,
  keyServerPreferences: 23,
  preferredKeyServer: 24,
  primaryUserId: 25,
  policyUri: 26,
  keyFlags: 27,
  signersUserId: 28,
  revocationReason: 29,
  features: 30,
  embeddedSignature: 32,
  issuerFingerprint: 33,
  preferredAeadLegacy: 34,
  preferredAead: 39,
} as const;

/**
 * The types whose meaning here is known, be it that they mean nothing to a verifier. Not among them: regular
 * expressions (6), signature targets (31) and intended recipients (35), which narrow what a signature says. A
 * signature that carries one of those as critical is refused rather than read as saying more than it does.
 */
const UNDERSTOOD: ReadonlySet<number> = new Set(Object.values(SubpacketType));

/** Real certificates have up to a few dozen; each costs an object. */
const MAX_SUBPACKETS = 500;

export interface Subpacket {
  readonly type: number;
  readonly critical: boolean;
  readonly body: ByteReader;
}

export function isUnderstood(type: number): boolean {
  return UNDERSTOOD.has(type);
}

export function readSubpackets(area: ByteReader): Subpacket[] {
  const subpackets: Subpacket[] = [];
  while (area.remaining > 0) {
    if (subpackets.length === MAX_SUBPACKETS)
      area.fail("subpacket", `is more than the ${MAX_SUBPACKETS} allowed`);
    const length = readLength(area);
    if (length === 0) area.fail("subpacket length", "leaves no room for its type", area.offset - 1);
    const type = area.u8("subpacket type");
    subpackets.push({
      type: type & 0x7f,
      critical: (type & 0x80) !== 0,
      body: area.nested(length - 1, "subpacket body"),
    });
  }
  return subpackets;
}

function readLength(area: ByteReader): number {
  const first = area.u8("subpacket length");
  if (first < 192) return first;
  if (first < 255) return ((first - 192) << 8) + area.u8("subpacket length") + 192;
  return area.u32("subpacket length");
}
