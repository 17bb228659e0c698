import { constants, generateKeyPairSync, privateEncrypt, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digest, type HashName } from "../../src/crypto/hash.ts";
import { rsaKey } from "../../src/crypto/rsa.ts";
import { WeakKeyError } from "../../src/crypto/weak-key.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = publicKey.export({ format: "jwk" });
const n = Buffer.from(jwk.n!, "base64url");
const e = Buffer.from(jwk.e!, "base64url");
const message = Buffer.from("what was signed");

describe("signatures", () => {
  const hashes: HashName[] = ["sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-512"];

  test.each(hashes)("%s", (hash) => {
    const signature = sign(hash, message, privateKey);
    expect(rsaKey(n, e).verify(hash, message, signature)).toBe(true);
    expect(rsaKey(n, e).verify(hash, Buffer.from("what was not"), signature)).toBe(false);
    expect(rsaKey(n, e).verify(hash === "sha256" ? "sha512" : "sha256", message, signature)).toBe(false);
  });

  test("one that lost its leading zero bytes", () => {
    const signature = signatureWithLeadingZero();
    expect(rsaKey(n, e).verify("sha256", signature.message, signature.bytes.subarray(1))).toBe(true);
  });

  test("one longer than the modulus, and one that is the modulus more", () => {
    const key = rsaKey(n, e);
    const signature = sign("sha256", message, privateKey);
    expect(key.verify("sha256", message, Buffer.concat([Buffer.from([0]), signature]))).toBe(false);
    expect(key.verify("sha256", message, Buffer.alloc(256, 0xff))).toBe(false);
    expect(key.verify("sha256", message, n)).toBe(false);
  });

  test("PSS padding and a bare digest are not PKCS#1 v1.5", () => {
    const pss = sign("sha256", message, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING });
    const bare = privateEncrypt(privateKey, Buffer.alloc(32, 7));
    expect(rsaKey(n, e).verify("sha256", message, pss)).toBe(false);
    expect(rsaKey(n, e).verify("sha256", message, bare)).toBe(false);
  });

  test("a cube root forged for e = 3: nothing may stand behind the digest", () => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
    const { n: modulus } = pair.publicKey.export({ format: "jwk" });
    const key = rsaKey(Buffer.from(modulus!, "base64url"), Buffer.from([3]));
    expect(key.verify("sha256", message, sign("sha256", message, pair.privateKey))).toBe(true);
    expect(key.verify("sha256", message, forgedCubeRoot(message))).toBe(false);
  });

  test("arbitrary bytes are refused without an error", () => {
    const key = rsaKey(n, e);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 260 }), (bytes) => !key.verify("sha256", message, bytes)),
    );
  });
});

function signatureWithLeadingZero() {
  for (let i = 0; ; i++) {
    const text = Buffer.from(`message ${i}`);
    const bytes = sign("sha256", text, privateKey);
    if (bytes[0] === 0) return { message: text, bytes };
  }
}

/** 00 01 ff 00 DigestInfo, then whatever makes it a cube (Bleichenbacher 2006). */
function forgedCubeRoot(text: Buffer): Buffer {
  const info = Buffer.from("3031300d060960864801650304020105000420", "hex");
  const hash = digest("sha256", text);
  const block = Buffer.concat([
    Buffer.from([0, 1, 0xff, 0]),
    info,
    hash,
    Buffer.alloc(256 - 4 - 19 - 32, 0xff),
  ]);
  return Buffer.from(
    cubeRoot(BigInt(`0x${block.toString("hex")}`))
      .toString(16)
      .padStart(512, "0"),
    "hex",
  );
}

function cubeRoot(value: bigint): bigint {
  let [low, high] = [0n, 1n << 684n];
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** 3n <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}

describe("keys", () => {
  const refused = (modulus: Uint8Array, exponent: Uint8Array) =>
    expect(() => rsaKey(modulus, exponent)).toThrow(WeakKeyError);

  test("leading zeros change nothing", () => {
    const zeros = Buffer.alloc(3);
    expect(rsaKey(Buffer.concat([zeros, n]), Buffer.concat([zeros, e])).bits).toBe(2048);
  });

  test("short, long, empty and even moduli", () => {
    const short = generateKeyPairSync("rsa", { modulusLength: 2040 }).publicKey.export({ format: "jwk" });
    refused(Buffer.from(short.n!, "base64url"), e);
    refused(Buffer.alloc(2049, 0xff), e);
    refused(new Uint8Array(0), e);
    refused(Buffer.concat([n.subarray(0, 255), Buffer.from([n[255]! & 0xfe])]), e);
  });

  test("exponents 0, 1, 2, 4 and beyond 64 bits", () => {
    for (const bad of [[], [0], [1], [2], [4], [1, 0, 0, 0, 0, 0, 0, 0, 1]]) refused(n, Uint8Array.from(bad));
    expect(rsaKey(n, Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).bits).toBe(2048);
  });

  test("a modulus as Infineon's smart cards made it (CVE-2017-15361)", () => {
    refused(infineonModulus(), e);
  });

  test("16,384 bits are taken in and answered in time", () => {
    const key = rsaKey(Buffer.alloc(2048, 0xff), e);
    const start = performance.now();
    expect(key.verify("sha256", message, Buffer.alloc(2048, 0x7f))).toBe(false);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

/** k * M + 65537^a mod M has the shape whether or not it is a product of two primes. */
function infineonModulus(): Uint8Array {
  const primorial = [...primesUpTo(701)].reduce((product, prime) => product * BigInt(prime), 1n);
  let power = 1n;
  for (let i = 0; i < 1234; i++) power = (power * 65537n) % primorial;
  const k = (1n << 2047n) / primorial + 1n;
  const modulus = k * primorial + power;
  return Buffer.from((modulus % 2n === 1n ? modulus : modulus + primorial).toString(16), "hex");
}

function* primesUpTo(limit: number) {
  for (let n = 2; n <= limit; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) prime &&= n % d !== 0;
    if (prime) yield n;
  }
}

test("fifty fair keys are not taken for Infineon's", () => {
  const fair = fc
    .uint8Array({ minLength: 256, maxLength: 256 })
    .filter((m) => m[0]! > 127 && m[255]! % 2 === 1);
  fc.assert(
    fc.property(fair, (modulus) => rsaKey(modulus, e).bits === 2048),
    { numRuns: 50 },
  );
});
