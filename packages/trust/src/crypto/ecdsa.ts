/**
 * ECDSA over the NIST curves (FIPS 186-5 section 6.4.2).
 *
 * Claims: what verifies was signed by the holder of this key over exactly this message. Against: points off the
 * curve (whose group may be small enough to guess in) and numbers that lost their leading zero bytes on the way.
 * Leaves out: that a signature is the only one. (r, n - s) always verifies as (r, s) does, so nothing may use the
 * bytes of an ECDSA signature as a name.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { HashName } from "./hash.ts";
import { WeakKeyError } from "./weak-key.ts";

export type EcdsaCurve = "P-256" | "P-384" | "P-521";

interface CurveShape {
  /** Bytes of a coordinate, and of r and s. */
  readonly size: number;
  /** SubjectPublicKeyInfo up to the point (RFC 5480 section 2). */
  readonly prefix: Uint8Array;
}

const CURVES: Readonly<Record<EcdsaCurve, CurveShape>> = {
  "P-256": { size: 32, prefix: fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200") },
  "P-384": { size: 48, prefix: fromHex("3076301006072a8648ce3d020106052b81040022036200") },
  "P-521": { size: 66, prefix: fromHex("30819b301006072a8648ce3d020106052b8104002303818600") },
};

export interface EcdsaKey {
  readonly curve: EcdsaCurve;
  /**
   * True where (r, s), big-endian, is this key's signature over `hash` of `message`. Numbers shorter than the curve
   * are padded on the left; longer ones are refused. Never throws.
   */
  verify(hash: HashName, message: Uint8Array, r: Uint8Array, s: Uint8Array): boolean;
}

/**
 * Takes in a public key: 0x04, x, y (SEC 1 section 2.3.3, uncompressed). Throws `WeakKeyError` for any other form
 * and for a point that is not on the curve.
 */
export function ecdsaKey(curve: EcdsaCurve, point: Uint8Array): EcdsaKey {
  const { size, prefix } = CURVES[curve];
  if (point.length !== 1 + 2 * size || point[0] !== 4) {
    throw new WeakKeyError(`a ${curve} key is an uncompressed point of ${1 + 2 * size} bytes`);
  }
  return new OpenSslKey(curve, importPoint(curve, Buffer.concat([prefix, point])));
}

/** OpenSSL checks the curve's equation while reading the point. */
function importPoint(curve: EcdsaCurve, spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch {
    throw new WeakKeyError(`this key is not a point of ${curve}`);
  }
}

class OpenSslKey implements EcdsaKey {
  readonly curve: EcdsaCurve;
  readonly #key: { readonly key: KeyObject; readonly dsaEncoding: "ieee-p1363" };

  constructor(curve: EcdsaCurve, key: KeyObject) {
    this.curve = curve;
    this.#key = { key, dsaEncoding: "ieee-p1363" };
  }

  verify(hash: HashName, message: Uint8Array, r: Uint8Array, s: Uint8Array): boolean {
    const { size } = CURVES[this.curve];
    if (r.length > size || s.length > size) return false;
    const signature = new Uint8Array(2 * size);
    signature.set(r, size - r.length);
    signature.set(s, 2 * size - s.length);
    return verify(hash, message, this.#key, signature);
  }
}

function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex, "hex");
}
