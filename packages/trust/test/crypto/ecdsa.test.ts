import { generateKeyPairSync, sign } from "node:crypto";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EcdsaCurve, ecdsaKey } from "../../src/crypto/ecdsa.ts";
import { WeakKeyError } from "../../src/crypto/weak-key.ts";

const CURVES = [
  { curve: "P-256", size: 32, hash: "sha256", noble: p256 },
  { curve: "P-384", size: 48, hash: "sha384", noble: p384 },
  { curve: "P-521", size: 66, hash: "sha512", noble: p521 },
] as const;

function keyPair(curve: EcdsaCurve) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
  const { x, y } = publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x!, "base64url"), Buffer.from(y!, "base64url")]);
  return { point, signKey: { key: privateKey, dsaEncoding: "ieee-p1363" } as const };
}

const message = Buffer.from("what was signed");

describe.each(CURVES)("$curve", ({ curve, size, hash, noble }) => {
  const { point, signKey } = keyPair(curve);
  const signature = sign(hash, message, signKey);
  const [r, s] = [signature.subarray(0, size), signature.subarray(size)];

  test("verifies its own signature and no other message's", () => {
    const key = ecdsaKey(curve, point);
    expect(key.verify(hash, message, r, s)).toBe(true);
    expect(key.verify(hash, Buffer.from("what was not"), r, s)).toBe(false);
    expect(key.verify(hash === "sha256" ? "sha512" : "sha256", message, r, s)).toBe(false);
  });

  test("verifies what noble signs", () => {
    const secret = noble.utils.randomSecretKey();
    const key = ecdsaKey(curve, noble.getPublicKey(secret, false));
    const made = noble.sign(message, secret, { lowS: false });
    expect(key.verify(hash, message, made.subarray(0, size), made.subarray(size))).toBe(true);
  });

  test("pads numbers that lost their leading zeros, and refuses longer ones", () => {
    const short = shortR(curve, size, hash);
    expect(ecdsaKey(curve, short.point).verify(hash, message, short.r, short.s)).toBe(true);
    const long = Buffer.concat([Buffer.from([0]), r]);
    expect(ecdsaKey(curve, point).verify(hash, message, long, s)).toBe(false);
  });

  test("refuses zero, the order and beyond", () => {
    const key = ecdsaKey(curve, point);
    const order = Buffer.from(noble.Point.Fn.ORDER.toString(16).padStart(size * 2, "0"), "hex");
    const all = Buffer.alloc(size, 0xff);
    for (const bad of [new Uint8Array(0), new Uint8Array(size), order, all]) {
      expect(key.verify(hash, message, bad, s)).toBe(false);
      expect(key.verify(hash, message, r, bad)).toBe(false);
    }
  });

  test("refuses points off the curve, compressed ones, infinity and coordinates past the field", () => {
    const off = Buffer.from(point);
    off[off.length - 1]! ^= 1;
    const compressed = Buffer.concat([Buffer.from([2]), point.subarray(1, 1 + size)]);
    const past = Buffer.concat([Buffer.from([4]), Buffer.alloc(size, 0xff), point.subarray(1 + size)]);
    const hybrid = Buffer.concat([Buffer.from([6 + (point.at(-1)! & 1)]), point.subarray(1)]);
    for (const bad of [
      off,
      compressed,
      past,
      hybrid,
      Buffer.from([0]),
      Buffer.alloc(0),
      Buffer.alloc(1 + 2 * size),
    ]) {
      expect(() => ecdsaKey(curve, bad)).toThrow(WeakKeyError);
    }
  });

  test("arbitrary numbers are refused without an error", () => {
    const key = ecdsaKey(curve, point);
    const number = fc.uint8Array({ maxLength: size + 2 });
    fc.assert(
      fc.property(number, number, (a, b) => !key.verify(hash, message, a, b)),
      { numRuns: 50 },
    );
  });
});

/** A signature whose r has a leading zero byte, taken off. */
function shortR(curve: EcdsaCurve, size: number, hash: "sha256" | "sha384" | "sha512") {
  const { point, signKey } = keyPair(curve);
  for (;;) {
    const signature = sign(hash, message, signKey);
    if (signature[0] === 0) return { point, r: signature.subarray(1, size), s: signature.subarray(size) };
  }
}
