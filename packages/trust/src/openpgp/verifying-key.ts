/** From an OpenPGP key to the primitive that checks its signatures. */
import type { PublicKey } from "@firstmile/formats/openpgp/public-key";
import type { Signature } from "@firstmile/formats/openpgp/signature";
import { ecdsaKey } from "../crypto/ecdsa.ts";
import { ed25519Key } from "../crypto/ed25519.ts";
import { digest, type HashName } from "../crypto/hash.ts";
import { rsaKey } from "../crypto/rsa.ts";
import { WeakKeyError } from "../crypto/weak-key.ts";
import { gradedHash } from "./hash-algorithm.ts";
import { signedParts } from "./signed-data.ts";

/** Why a key can check nothing, whatever was signed with it. */
export interface KeyProblem {
  readonly code: "weak-key" | "unsupported-signature";
  readonly message: string;
}

export interface VerifyingKey {
  /**
   * Whether this key made the signature over `data`. The mathematics alone: not whether the key may, nor whether
   * the hash is good enough. Never throws.
   */
  verify(signature: Signature, data: readonly Uint8Array[]): boolean;
}

export function importKey(key: PublicKey): VerifyingKey | KeyProblem {
  try {
    const check = primitive(key);
    if (check === undefined) {
      const name = key.material.kind === "unsupported" ? key.material.name : key.material.kind;
      return {
        code: "unsupported-signature",
        message: `key ${key.fingerprint} is ${name}, which is not supported`,
      };
    }
    return { verify: (signature, data) => verifyWith(key, check, signature, data) };
  } catch (error) {
    if (!(error instanceof WeakKeyError)) throw error;
    return { code: "weak-key", message: `key ${key.fingerprint} is too weak: ${error.message}` };
  }
}

type Primitive = (hash: HashName, parts: Uint8Array[], material: Signature["material"]) => boolean;

function primitive({ material }: PublicKey): Primitive | undefined {
  switch (material.kind) {
    case "rsa": {
      const rsa = rsaKey(material.n, material.e);
      return (hash, parts, made) => made.kind === "rsa" && rsa.verify(hash, joined(parts), made.s);
    }
    case "ecdsa": {
      const ecdsa = ecdsaKey(material.curve, material.point);
      return (hash, parts, made) => made.kind === "pair" && ecdsa.verify(hash, joined(parts), made.r, made.s);
    }
    case "ed25519": {
      const ed25519 = ed25519Key(material.point);
      return (hash, parts, made) => {
        const bytes = ed25519Signature(made);
        return bytes !== undefined && ed25519.verify(digest(hash, ...parts), bytes);
      };
    }
    case "unsupported":
      return undefined;
  }
}

function verifyWith(
  key: PublicKey,
  check: Primitive,
  signature: Signature,
  data: readonly Uint8Array[],
): boolean {
  const hash = gradedHash(signature.hashAlgorithm);
  // A number made for one algorithm must not be tried as one of another, nor a version 4 signature by a version 6 key.
  const matches =
    signature.publicKeyAlgorithm === key.algorithm && (signature.version === 6) === (key.version === 6);
  return hash !== undefined && matches && check(hash.name, signedParts(signature, data), signature.material);
}

/** R || S, each padded on the left: EdDSALegacy writes them as numbers, which lose their leading zero bytes. */
function ed25519Signature(made: Signature["material"]): Uint8Array | undefined {
  if (made.kind === "native") return made.bytes;
  if (made.kind !== "pair" || made.r.length > 32 || made.s.length > 32) return undefined;
  const bytes = new Uint8Array(64);
  bytes.set(made.r, 32 - made.r.length);
  bytes.set(made.s, 64 - made.s.length);
  return bytes;
}

function joined(parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
