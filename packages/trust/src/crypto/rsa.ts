/**
 * RSA with PKCS#1 v1.5 padding (RFC 8017 section 8.2.2).
 *
 * Claims: what verifies was signed by the holder of this key over exactly this message. OpenSSL rebuilds the padded
 * digest and compares all of it, so that nothing can hide behind the digest, whatever the exponent. Against: moduli
 * short enough to factor, exponents that sign for everybody, keys from the smart cards of CVE-2017-15361, and sizes
 * chosen to keep the verifier busy.
 * Leaves out: other ways in which a key's maker can have chosen bad primes.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { HashName } from "./hash.ts";
import { WeakKeyError } from "./weak-key.ts";

const MIN_BITS = 2048;
const MAX_BITS = 16384;
/** Above this OpenSSL refuses larger moduli too; nobody's key needs it. */
const MAX_EXPONENT_BITS = 64;

export interface RsaKey {
  /** Length of the modulus. */
  readonly bits: number;
  /**
   * True where `signature` (big-endian; shorter than the modulus means lost leading zeros) is this key's over `hash`
   * of `message`. Never throws.
   */
  verify(hash: HashName, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Takes in modulus and exponent, both big-endian. Throws `WeakKeyError` for sizes and numbers that prove nothing. */
export function rsaKey(n: Uint8Array, e: Uint8Array): RsaKey {
  const modulus = withoutLeadingZeros(n);
  const exponent = withoutLeadingZeros(e);
  const bits = bitLength(modulus);
  checkModulus(modulus, bits);
  checkExponent(exponent);
  return new OpenSslKey(bits, importKey(modulus, exponent));
}

function checkModulus(modulus: Uint8Array, bits: number): void {
  if (bits < MIN_BITS) throw new WeakKeyError(`an RSA key needs ${MIN_BITS} bits, this one has ${bits}`);
  if (bits > MAX_BITS) throw new WeakKeyError(`an RSA key may have ${MAX_BITS} bits, this one has ${bits}`);
  if (modulus.at(-1)! % 2 === 0) throw new WeakKeyError("this RSA modulus is even");
  if (isInfineonModulus(modulus)) {
    throw new WeakKeyError("this RSA key comes from a generator whose keys can be factored (CVE-2017-15361)");
  }
}

/** With e = 1 every padded digest is its own signature; an even e has no private counterpart. */
function checkExponent(exponent: Uint8Array): void {
  const bits = bitLength(exponent);
  if (bits < 2 || exponent.at(-1)! % 2 === 0) throw new WeakKeyError("an RSA exponent is odd and at least 3");
  if (bits > MAX_EXPONENT_BITS) throw new WeakKeyError(`an RSA exponent may have ${MAX_EXPONENT_BITS} bits`);
}

function importKey(n: Uint8Array, e: Uint8Array): KeyObject {
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  try {
    return createPublicKey({ key: { kty: "RSA", n: base64url(n), e: base64url(e) }, format: "jwk" });
  } catch {
    throw new WeakKeyError("these numbers are not an RSA key");
  }
}

class OpenSslKey implements RsaKey {
  readonly bits: number;
  readonly #key: KeyObject;

  constructor(bits: number, key: KeyObject) {
    this.bits = bits;
    this.#key = key;
  }

  verify(hash: HashName, message: Uint8Array, signature: Uint8Array): boolean {
    const size = Math.ceil(this.bits / 8);
    if (signature.length > size) return false;
    return verify(hash, message, this.#key, leftPad(signature, size));
  }
}

/** A signature number loses its leading zero bytes in OpenPGP's and SSH's encodings; OpenSSL wants them back. */
function leftPad(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length === size) return bytes;
  const padded = new Uint8Array(size);
  padded.set(bytes, size - bytes.length);
  return padded;
}

function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : bytes.subarray(first);
}

/** Of a number without leading zero bytes. */
function bitLength(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : bytes.length * 8 - Math.clz32(bytes[0]!) + 24;
}

/** The odd primes up to 167: what the generator below multiplied for its shortest keys (CVE-2017-15361). */
const SMALL_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const POWERS_OF_65537 = SMALL_PRIMES.map((prime) => powersOf65537(prime));

/**
 * Infineon's smart cards took primes of the form k * M + (65537^a mod M), M a product of small primes. So their
 * modulus is a power of 65537 modulo each small prime: true of a fair modulus about once in 2^27.
 */
function isInfineonModulus(modulus: Uint8Array): boolean {
  return SMALL_PRIMES.every((prime, i) => POWERS_OF_65537[i]!.has(remainder(modulus, prime)));
}

function powersOf65537(prime: number): Set<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power);
  return powers;
}

function remainder(number: Uint8Array, divisor: number): number {
  return number.reduce((rest, byte) => (rest * 256 + byte) % divisor, 0);
}
