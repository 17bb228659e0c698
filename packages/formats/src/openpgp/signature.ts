/**
 * Signature packets (RFC 9580 section 5.2), versions 3, 4 and 6.
 *
 * Claims: only the hashed area speaks. What a signature says (times, flags, notations) is read from the part that
 * it covers; the unhashed area, which anyone on the way can rewrite, gives hints to find the key with and embedded
 * signatures that prove themselves. Against: a signature that two readers understand differently, so a statement
 * made twice in the hashed area is a refusal where the standard leaves the choice to the reader.
 * Version 3 has no hashed area and is read only so that an old revocation is not lost. A signature of any other
 * version is `opaque` (section 5.2: an unknown version must be ignored, in a certificate that is).
 */
import type { ByteReader } from "../bytes/reader.ts";
import { HashAlgorithm, KeyAlgorithm } from "./algorithm.ts";
import { findIssuer, type Issuer, readKeyId } from "./issuer.ts";
import { readMpi } from "./mpi.ts";
import type { OpenPgpFingerprint } from "./public-key.ts";
import { NOTHING_SAID, type Notation, type RevocationReason, readStatements } from "./statements.ts";
import { readSubpackets, type Subpacket, SubpacketType } from "./subpacket.ts";

/** Signature type IDs of RFC 9580 section 5.2.1. */
export const SignatureType = {
  binary: 0x00,
  text: 0x01,
  genericCertification: 0x10,
  personaCertification: 0x11,
  casualCertification: 0x12,
  positiveCertification: 0x13,
  subkeyBinding: 0x18,
  primaryKeyBinding: 0x19,
  directKey: 0x1f,
  keyRevocation: 0x20,
  subkeyRevocation: 0x28,
  certificationRevocation: 0x30,
} as const;

/** Bits of the first octet of key flags (section 5.2.3.29). */
export const KeyFlag = { certify: 0x01, sign: 0x02 } as const;

export type SignatureMaterial =
  | { readonly kind: "rsa"; readonly s: Uint8Array }
  /** ECDSA and EdDSALegacy: two numbers without their leading zero bytes. */
  | { readonly kind: "pair"; readonly r: Uint8Array; readonly s: Uint8Array }
  /** Ed25519 (algorithm 27): 64 bytes. */
  | { readonly kind: "native"; readonly bytes: Uint8Array }
  | { readonly kind: "unsupported" };

export interface Signature {
  readonly kind: "signature";
  readonly version: 3 | 4 | 6;
  readonly type: number;
  readonly publicKeyAlgorithm: number;
  readonly hashAlgorithm: number;
  /** Unix seconds, by the signer's own word. */
  readonly created: number;
  /** Seconds after `created`; 0 where it does not expire. */
  readonly expiresAfter: number;
  readonly issuer: Issuer;
  /** First octet of the key flags; undefined where the signature has none. */
  readonly keyFlags: number | undefined;
  /** Seconds after the key's creation; 0 for never, undefined where the signature does not say. */
  readonly keyExpiresAfter: number | undefined;
  readonly revocationReason: RevocationReason | undefined;
  /** Fingerprints of keys allowed to revoke the signer's (section 5.2.3.23). */
  readonly revocationKeys: readonly OpenPgpFingerprint[];
  readonly primaryUserId: boolean;
  readonly notations: readonly Notation[];
  /** Types of critical hashed subpackets that this package does not understand. */
  readonly unknownCritical: readonly number[];
  /** From both areas. */
  readonly embedded: readonly SignaturePacket[];
  readonly material: SignatureMaterial;
  /** Version 6's salt, hashed before the data; empty otherwise. */
  readonly salt: Uint8Array;
  /** The part of the packet that is hashed after the data, and then its trailer (section 5.2.4). */
  readonly signedPart: Uint8Array;
  readonly trailer: Uint8Array;
}

/** A signature packet of a version that this package cannot read. */
export interface OpaqueSignature {
  readonly kind: "opaque";
  readonly version: number;
}

export type SignaturePacket = Signature | OpaqueSignature;

export function parseSignature(reader: ByteReader): SignaturePacket {
  return readSignature(reader, true);
}

/** Embedded signatures are not followed into theirs: no use needs it, and each level would double the work. */
function readSignature(reader: ByteReader, outermost: boolean): SignaturePacket {
  const version = reader.u8("signature version");
  if (version === 3) return readVersion3(reader);
  if (version === 4 || version === 6) return readVersion4Or6(reader, version, outermost);
  return { kind: "opaque", version };
}

function readVersion4Or6(reader: ByteReader, version: 4 | 6, outermost: boolean): Signature {
  const type = reader.u8("signature type");
  const publicKeyAlgorithm = reader.u8("signature algorithm");
  const hashAlgorithm = reader.u8("hash algorithm");
  const hashed = readSubpackets(readArea(reader, version, "hashed subpackets"));
  const signedPart = reader.bytes.subarray(0, reader.offset);
  const unhashed = readSubpackets(readArea(reader, version, "unhashed subpackets"));
  // Section 5.2.4's quick check: it decides nothing, since whoever changes the signature can change it too.
  reader.take(2, "left 16 bits of the digest");
  const salt = version === 6 ? readSalt(reader, hashAlgorithm) : EMPTY;
  const material = readMaterial(reader, publicKeyAlgorithm);
  return {
    kind: "signature",
    version,
    type,
    publicKeyAlgorithm,
    hashAlgorithm,
    ...readStatements(reader, hashed),
    issuer: findIssuer(version, hashed, unhashed),
    embedded: outermost ? readEmbedded(hashed, unhashed) : [],
    material,
    salt,
    signedPart,
    trailer: trailer(version, signedPart.length),
  };
}

const EMPTY = new Uint8Array(0);

function readArea(reader: ByteReader, version: 4 | 6, field: string): ByteReader {
  const length = version === 4 ? reader.u16(field) : reader.u32(field);
  return reader.nested(length, field);
}

function trailer(version: 4 | 6, length: number): Uint8Array {
  return Uint8Array.of(version, 0xff, length >>> 24, length >>> 16, length >>> 8, length);
}

/** Section 5.2.3: each hash has its salt length, and any other makes the signature malformed. */
function readSalt(reader: ByteReader, hashAlgorithm: number): Uint8Array {
  const length = reader.u8("salt length");
  const expected = SALT_LENGTHS.get(hashAlgorithm);
  if (expected !== undefined && length !== expected)
    reader.fail("salt length", "is not its hash algorithm's");
  return reader.take(length, "salt");
}

/** Section 9.5, table 23. */
const SALT_LENGTHS: ReadonlyMap<number, number> = new Map([
  [HashAlgorithm.sha256, 16],
  [HashAlgorithm.sha384, 24],
  [HashAlgorithm.sha512, 32],
  [HashAlgorithm.sha224, 16],
  [HashAlgorithm.sha3_256, 16],
  [HashAlgorithm.sha3_512, 32],
]);

/** RFC 9580 section 5.2.2. What is hashed after the data is type and time, without a trailer. */
function readVersion3(reader: ByteReader): Signature {
  if (reader.u8("hashed length") !== 5) reader.fail("hashed length", "is not 5", 1);
  const type = reader.u8("signature type");
  const created = reader.u32("signature creation time");
  const keyId = readKeyId(reader);
  const publicKeyAlgorithm = reader.u8("signature algorithm");
  const hashAlgorithm = reader.u8("hash algorithm");
  reader.take(2, "left 16 bits of the digest");
  return {
    ...NOTHING_SAID,
    kind: "signature",
    version: 3,
    type,
    publicKeyAlgorithm,
    hashAlgorithm,
    created,
    issuer: { kind: "key-id", keyId },
    embedded: [],
    material: readMaterial(reader, publicKeyAlgorithm),
    salt: EMPTY,
    signedPart: reader.bytes.subarray(2, 7),
    trailer: EMPTY,
  };
}

function readMaterial(reader: ByteReader, algorithm: number): SignatureMaterial {
  const material = readNumbers(reader, algorithm);
  if (material.kind !== "unsupported") reader.end("signature");
  return material;
}

function readNumbers(reader: ByteReader, algorithm: number): SignatureMaterial {
  switch (algorithm) {
    case KeyAlgorithm.rsa:
    case KeyAlgorithm.rsaSignOnly:
      return { kind: "rsa", s: readMpi(reader, "RSA signature") };
    case KeyAlgorithm.ecdsa:
    case KeyAlgorithm.eddsaLegacy:
      return { kind: "pair", r: readMpi(reader, "signature r"), s: readMpi(reader, "signature s") };
    case KeyAlgorithm.ed25519:
      return { kind: "native", bytes: reader.take(64, "Ed25519 signature") };
    default:
      return { kind: "unsupported" };
  }
}

function readEmbedded(hashed: readonly Subpacket[], unhashed: readonly Subpacket[]): SignaturePacket[] {
  return [...hashed, ...unhashed]
    .filter(({ type }) => type === SubpacketType.embeddedSignature)
    .map(({ body }) => readSignature(body, false));
}
