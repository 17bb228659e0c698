/**
 * Nix keys as signers of statements: raw Ed25519, found by the name that the signature's `keyid` gives as a hint.
 *
 * Claims: the name only finds a key, and the mathematics decides. Against: a key under the name of another. A narinfo
 * signature by the same key is none over a statement: what it signs begins `1;`, and a statement's `DSSEv1 `.
 */
import { encodeBase64 } from "@firstmile/formats/bytes/text";
import { type Ed25519Key, ed25519Key } from "../crypto/ed25519.ts";
import { WeakKeyError } from "../crypto/weak-key.ts";
import type { NixKey } from "../policy/policy.ts";
import type { Fingerprint, SignatureOutcome } from "../signature/outcome.ts";

/** By name; a policy has no two keys of one name. A string is why a key proves nothing. */
export type NixKeys = ReadonlyMap<
  string,
  { readonly key: Ed25519Key | string; readonly fingerprint: Fingerprint }
>;

export function nixKeys(keys: Iterable<NixKey>): NixKeys {
  return new Map(
    [...keys].map((listed) => [
      listed.name,
      { key: takeIn(listed.key), fingerprint: nixFingerprint(listed) },
    ]),
  );
}

/** `nix:NAME:BASE64`, as a policy lists it. */
export function nixFingerprint({ name, key }: NixKey): Fingerprint {
  return `nix:${name}:${encodeBase64(key)}` as Fingerprint;
}

/** Checks 64 bytes of R and S over `message` by the key of this name. Never throws. */
export function verifyNix(
  signature: Uint8Array,
  message: Uint8Array,
  name: string,
  keys: NixKeys,
): SignatureOutcome {
  if (signature.length !== 64) {
    return { valid: false, code: "malformed-signature", message: "is no Ed25519 signature of 64 bytes" };
  }
  const known = keys.get(name);
  if (known === undefined) {
    return { valid: false, code: "unknown-key", message: `no listed Nix key is named ${name}` };
  }
  const { key, fingerprint } = known;
  if (typeof key === "string") return { valid: false, code: "weak-key", message: key, key: fingerprint };
  if (key.verify(message, signature)) {
    return { valid: true, key: fingerprint, signingKey: fingerprint, validUntil: undefined };
  }
  const text = `this signature was not made over these bytes by ${name}`;
  return { valid: false, code: "bad-signature", message: text, key: fingerprint };
}

function takeIn(key: Uint8Array): Ed25519Key | string {
  try {
    return ed25519Key(key);
  } catch (error) {
    if (error instanceof WeakKeyError) return error.message;
    throw error;
  }
}
