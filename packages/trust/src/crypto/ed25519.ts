/**
 * Ed25519 (RFC 8032 section 5.1.7), without prehashing and without a context.
 *
 * Claims: what verifies was signed by the holder of this key over exactly this message, and nobody without the
 * private key can make another signature over it that verifies. Against: whoever picks the public key or the
 * signature so that one signature fits many messages (low-order points), or so that two programs disagree about it
 * (several encodings of one point, S and S + L).
 * Leaves out: points of mixed order, A + T with T of low order. They need their holder's private key; the equation
 * is the one without the cofactor, so that accepting them lets nobody else sign. An encoding that is no point of
 * the curve is taken in and verifies nothing.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { WeakKeyError } from "./weak-key.ts";

/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** p = 2^255 - 19, little-endian: the first y that is one too large (RFC 8032 section 5.1.3 step 1). */
const FIELD_PRIME = littleEndian("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");

/** L, the order of the base point, little-endian (RFC 8032 section 5.1). */
const ORDER = littleEndian("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");

/**
 * The y of the eight points whose order divides 8: 1 (order 1), -1 (order 2), 0 (order 4) and the two of order 8.
 * With either sign bit, which also covers x = 0 written with the sign bit set.
 */
const LOW_ORDER_Y = [
  "0000000000000000000000000000000000000000000000000000000000000001",
  "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
  "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
].map(littleEndian);

export interface Ed25519Key {
  /** True where `signature` (R || S, 64 bytes) is this key's over `message`. Never throws. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** Takes in a public key of 32 bytes. Throws `WeakKeyError` where it is low-order, not canonical, or not 32 bytes. */
export function ed25519Key(publicKey: Uint8Array): Ed25519Key {
  if (publicKey.length !== 32) throw new WeakKeyError(`an Ed25519 key has 32 bytes, not ${publicKey.length}`);
  if (!isCanonical(publicKey)) throw new WeakKeyError("this Ed25519 key is not in its canonical encoding");
  // With A of low order, S = 0 and R = A's multiple fit one message in eight or better, without any private key.
  if (isLowOrder(publicKey)) throw new WeakKeyError("this Ed25519 key is a point of low order");
  return new OpenSslKey(
    createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" }),
  );
}

class OpenSslKey implements Ed25519Key {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  verify(message: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== 64) return false;
    const r = signature.subarray(0, 32);
    // A low-order R means a nonce of zero: the signer gave away its private key, or there never was one.
    if (!isCanonical(r) || isLowOrder(r)) return false;
    // S + L would be a second signature over the same message (RFC 8032 section 8.4).
    if (!isBelow(signature.subarray(32), ORDER)) return false;
    return verify(null, message, this.#key, signature);
  }
}

/** Whether a point's y, its sign bit aside, is below p. */
function isCanonical(point: Uint8Array): boolean {
  // Every byte from 1 to 30 of p is 0xff: one comparison settles all but 19 in 2^255.
  return point[30] !== 0xff || isBelow(withoutSign(point), FIELD_PRIME);
}

function isLowOrder(point: Uint8Array): boolean {
  return LOW_ORDER_Y.some((y) => y[0] === point[0] && Buffer.compare(y, withoutSign(point)) === 0);
}

function withoutSign(point: Uint8Array): Uint8Array {
  const y = Uint8Array.from(point);
  y[31]! &= 0x7f;
  return y;
}

/** Little-endian numbers of 32 bytes: a < b. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    if (a[i]! !== b[i]!) return a[i]! < b[i]!;
  }
  return false;
}

function littleEndian(hex: string): Uint8Array {
  return Buffer.from(hex, "hex").reverse();
}
