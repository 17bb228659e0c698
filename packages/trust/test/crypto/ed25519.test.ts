import { generateKeyPairSync, sign } from "node:crypto";
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import { ed25519Key } from "../../src/crypto/ed25519.ts";
import { WeakKeyError } from "../../src/crypto/weak-key.ts";

function outcome({ blocks }: Vector): string {
  try {
    const key = ed25519Key(blocks.get("key")!);
    return key.verify(blocks.get("message")!, blocks.get("signature")!) ? "valid" : "bad-signature";
  } catch (error) {
    if (error instanceof WeakKeyError) return "weak-key";
    throw error;
  }
}

const vectors = readVectors("ed25519");

describe("vectors", () => {
  test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
    expect(outcome(vector)).toBe(vector.expect);
  });

  test("cover every outcome", () => {
    expect(new Set(vectors.map(({ expect: claim }) => claim))).toEqual(
      new Set(["valid", "weak-key", "bad-signature"]),
    );
  });
});

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const PRIME = 2n ** 255n - 19n;

function littleEndian(number: bigint): Uint8Array {
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex").reverse();
}

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { bytes: Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url"), privateKey };
}

describe("encodings", () => {
  test("all fourteen spellings of the low-order points are refused as keys and as R", () => {
    const { bytes, privateKey } = keyPair();
    const s = sign(null, Buffer.from("m"), privateKey).subarray(32);
    expect(lowOrderY().length).toBe(7);
    for (const y of lowOrderY()) {
      for (const signBit of [0, 0x80]) {
        const point = littleEndian(y);
        point[31]! |= signBit;
        expect(() => ed25519Key(point)).toThrow(WeakKeyError);
        expect(ed25519Key(bytes).verify(Buffer.from("m"), Buffer.concat([point, s]))).toBe(false);
      }
    }
  });

  test("y = p + k is refused for every k that fits, y = p - 2 is not", () => {
    for (let k = 0n; k < 19n; k++) expect(() => ed25519Key(littleEndian(PRIME + k))).toThrow(WeakKeyError);
    expect(() => ed25519Key(littleEndian(PRIME - 2n))).not.toThrow();
  });

  test("an encoding that is no point verifies nothing", () => {
    const noPoint = littleEndian(2n);
    expect(() => ed25519.Point.fromBytes(noPoint)).toThrow();
    expect(ed25519Key(noPoint).verify(new Uint8Array(0), new Uint8Array(64).fill(1))).toBe(false);
  });

  test("S + kL is refused for every k that fits", () => {
    const { bytes, privateKey } = keyPair();
    const signature = sign(null, Buffer.from("m"), privateKey);
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
    expect(ed25519Key(bytes).verify(Buffer.from("m"), signature)).toBe(true);
    for (let k = 1n; s + k * ORDER < 2n ** 256n; k++) {
      const other = Buffer.concat([signature.subarray(0, 32), littleEndian(s + k * ORDER)]);
      expect(ed25519Key(bytes).verify(Buffer.from("m"), other)).toBe(false);
    }
  });
});

/** The y of the points whose order divides 8 as noble finds them, and their y + p. */
function lowOrderY(): bigint[] {
  const ys = ED25519_TORSION_SUBGROUP.map((hex) => ed25519.Point.fromHex(hex).toAffine().y);
  return [...new Set(ys), PRIME, PRIME + 1n];
}

describe("against noble-curves", () => {
  test("agrees on honest signatures and on every single flipped bit", () => {
    const { bytes, privateKey } = keyPair();
    const message = Buffer.from("what was signed");
    const signature = sign(null, message, privateKey);
    expect(ed25519.verify(signature, message, bytes)).toBe(true);
    expect(ed25519Key(bytes).verify(message, signature)).toBe(true);
    for (let bit = 0; bit < 512; bit += 5) {
      const changed = Buffer.from(signature);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(ed25519Key(bytes).verify(message, changed)).toBe(ed25519.verify(changed, message, bytes));
    }
  });

  test("verifies what noble signs", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 200 }),
        (secret, message) => {
          const key = ed25519Key(ed25519.getPublicKey(secret));
          return key.verify(message, ed25519.sign(message, secret));
        },
      ),
      { numRuns: 40 },
    );
  });
});

test("arbitrary bytes are refused without an error", () => {
  const { bytes } = keyPair();
  const key = ed25519Key(bytes);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (signature) => !key.verify(Buffer.from("m"), signature)),
  );
});
