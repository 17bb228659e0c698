/**
 * Public keys and subkeys, versions 4 and 6 (RFC 9580 section 5.5.2).
 *
 * A key of an algorithm that signs nothing here (ECDH, ElGamal, DSA, Ed448, other curves) is read as `unsupported`,
 * with its fingerprint: a certificate with an encryption subkey must load. Versions 2, 3 and 5 are refused: a
 * version 3 fingerprint is MD5 over less than the key, so it names nobody.
 */
import { createHash } from "node:crypto";
import type { ByteReader } from "../bytes/reader.ts";
import { encodeHex } from "../bytes/text.ts";
import {
  algorithmName,
  type EcdsaCurveName,
  ecdsaCurve,
  isEd25519Legacy,
  KeyAlgorithm,
} from "./algorithm.ts";
import { readMpi } from "./mpi.ts";

declare const fingerprintBrand: unique symbol;
declare const keyIdBrand: unique symbol;

/** Upper-case hex: 40 digits of a version 4 key, 64 of a version 6 key. */
export type OpenPgpFingerprint = string & { readonly [fingerprintBrand]: true };

/** Upper-case hex, 16 digits. Names nobody: 64 bits can be collided, so it only ever finds candidates. */
export type KeyId = string & { readonly [keyIdBrand]: true };

export type KeyMaterial =
  | { readonly kind: "rsa"; readonly n: Uint8Array; readonly e: Uint8Array }
  | { readonly kind: "ed25519"; readonly point: Uint8Array }
  | { readonly kind: "ecdsa"; readonly curve: EcdsaCurveName; readonly point: Uint8Array }
  | { readonly kind: "unsupported"; readonly name: string };

export interface PublicKey {
  readonly version: 4 | 6;
  /** Unix seconds, by the owner's own word; part of the fingerprint. */
  readonly created: number;
  /** Algorithm ID of RFC 9580 section 9.1: a signature must carry the same. */
  readonly algorithm: number;
  readonly material: KeyMaterial;
  readonly fingerprint: OpenPgpFingerprint;
  readonly keyId: KeyId;
  /** The packet's body, as signatures cover it. */
  readonly body: Uint8Array;
}

export function parsePublicKey(reader: ByteReader): PublicKey {
  const version = reader.u8("key version");
  if (version !== 4 && version !== 6) reader.fail("key version", `${version} is not supported`, 0);
  // Section 5.5.4 hashes a version 4 key's length as two octets: a longer body would share its fingerprint.
  if (version === 4 && reader.bytes.length > 0xffff) reader.fail("key", "is longer than 65,535 bytes", 0);
  const created = reader.u32("key creation time");
  const algorithm = reader.u8("key algorithm");
  if (version === 6) checkMaterialLength(reader);
  const material = readMaterial(reader, version, algorithm);
  reader.end("key material");
  return { version, created, algorithm, material, ...identify(version, reader.bytes), body: reader.bytes };
}

/** What goes in front of a key's body wherever it is hashed (RFC 9580 section 5.5.4). */
export function keyFrame(version: 4 | 6, length: number): Uint8Array {
  if (version === 4) return Uint8Array.of(0x99, length >> 8, length);
  return Uint8Array.of(0x9b, length >>> 24, length >>> 16, length >>> 8, length);
}

function identify(version: 4 | 6, body: Uint8Array) {
  const hash = createHash(version === 4 ? "sha1" : "sha256");
  const hex = encodeHex(hash.update(keyFrame(version, body.length)).update(body).digest()).toUpperCase();
  return { fingerprint: hex as OpenPgpFingerprint, keyId: keyIdOf(version, hex) };
}

/** The low 64 bits of a version 4 fingerprint, the high ones of a version 6 one (section 5.5.4). */
export function keyIdOf(version: 4 | 6, fingerprint: string): KeyId {
  return (version === 4 ? fingerprint.slice(-16) : fingerprint.slice(0, 16)) as KeyId;
}

function checkMaterialLength(reader: ByteReader): void {
  const length = reader.u32("key material length");
  if (length !== reader.remaining) reader.fail("key material length", "does not reach the packet's end");
}

function readMaterial(reader: ByteReader, version: 4 | 6, algorithm: number): KeyMaterial {
  switch (algorithm) {
    case KeyAlgorithm.rsa:
    case KeyAlgorithm.rsaSignOnly:
      return { kind: "rsa", n: readMpi(reader, "RSA n"), e: readMpi(reader, "RSA e") };
    case KeyAlgorithm.ecdsa:
      return readEcdsa(reader);
    case KeyAlgorithm.eddsaLegacy:
      // Section 5.5.5.5: EdDSALegacy must not be used with version 6.
      return version === 4 ? readEdDsaLegacy(reader) : unsupported(reader, "EdDSA in a version 6 key");
    case KeyAlgorithm.ed25519:
      return { kind: "ed25519", point: reader.take(32, "Ed25519 key") };
    default:
      return unsupported(reader, algorithmName(algorithm));
  }
}

function readEcdsa(reader: ByteReader): KeyMaterial {
  const known = ecdsaCurve(readOid(reader));
  if (known === undefined) return unsupported(reader, "ECDSA over another curve");
  const point = readMpi(reader, "ECDSA point");
  if (point.length !== known.pointSize || point[0] !== 4) reader.fail("ECDSA point", "is not uncompressed");
  return { kind: "ecdsa", curve: known.curve, point };
}

/** 0x40, then the 32 bytes of the native encoding (section 11.2.2). */
function readEdDsaLegacy(reader: ByteReader): KeyMaterial {
  if (!isEd25519Legacy(readOid(reader))) return unsupported(reader, "EdDSA over another curve");
  const point = readMpi(reader, "EdDSA point");
  if (point.length !== 33 || point[0] !== 0x40) reader.fail("EdDSA point", "is not 0x40 and 32 bytes");
  return { kind: "ed25519", point: point.subarray(1) };
}

function readOid(reader: ByteReader): Uint8Array {
  const length = reader.u8("curve OID length");
  if (length === 0 || length === 0xff) reader.fail("curve OID length", "is reserved", reader.offset - 1);
  return reader.take(length, "curve OID");
}

function unsupported(reader: ByteReader, name: string): KeyMaterial {
  reader.take(reader.remaining, "key material");
  return { kind: "unsupported", name };
}
