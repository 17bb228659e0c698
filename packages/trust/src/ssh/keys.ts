/**
 * The SSH keys that a decision may lean on, each taken in once.
 *
 * Claims: a key is found by the SHA-256 of all its bytes and by nothing else, and listing it twice never softens
 * what one of the entries demands.
 */

import { encodeBase64 } from "@firstmile/formats/bytes/text";
import { type EcdsaKeyType, type SshPublicKey, sshFingerprintBytes } from "@firstmile/formats/ssh/public-key";
import { type EcdsaCurve, type EcdsaKey, ecdsaKey } from "../crypto/ecdsa.ts";
import { type Ed25519Key, ed25519Key } from "../crypto/ed25519.ts";
import { type RsaKey, rsaKey } from "../crypto/rsa.ts";
import { WeakKeyError } from "../crypto/weak-key.ts";
import type { Fingerprint } from "../signature/outcome.ts";

export interface SshKeyEntry {
  readonly key: SshPublicKey;
  /** Demands that somebody touched the authenticator. A key that lives in a file can never meet it. */
  readonly touch: boolean;
  /** Demands that the authenticator knew who: PIN or fingerprint. */
  readonly pin: boolean;
}

/** A key ready to verify with. */
export type SshVerifier =
  | { readonly kind: "ed25519"; readonly key: Ed25519Key }
  | { readonly kind: "ecdsa"; readonly key: EcdsaKey; readonly hash: "sha256" | "sha384" | "sha512" }
  | { readonly kind: "rsa"; readonly key: RsaKey }
  /** Listed, but proves nothing: every signature by it is refused with this reason. */
  | { readonly kind: "weak"; readonly problem: string };

export interface KnownSshKey extends SshKeyEntry {
  readonly fingerprint: Fingerprint;
  readonly verifier: SshVerifier;
}

export type SshKeys = ReadonlyMap<Fingerprint, KnownSshKey>;

/** Indexes keys by fingerprint. Of two entries for one key, each demand counts that either of them makes. */
export function sshKeys(entries: Iterable<SshKeyEntry>): SshKeys {
  const keys = new Map<Fingerprint, KnownSshKey>();
  for (const { key, touch, pin } of entries) {
    const fingerprint = sshFingerprint(key);
    const other = keys.get(fingerprint);
    const verifier = other?.verifier ?? takeIn(key);
    keys.set(fingerprint, {
      key,
      touch: touch || other?.touch === true,
      pin: pin || other?.pin === true,
      fingerprint,
      verifier,
    });
  }
  return keys;
}

/** `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it. */
export function sshFingerprint(key: SshPublicKey): Fingerprint {
  return `SHA256:${encodeBase64(sshFingerprintBytes(key)).replace(/=+$/, "")}` as Fingerprint;
}

function takeIn(key: SshPublicKey): SshVerifier {
  try {
    return verifierOf(key);
  } catch (error) {
    if (error instanceof WeakKeyError) return { kind: "weak", problem: error.message };
    throw error;
  }
}

function verifierOf(key: SshPublicKey): SshVerifier {
  switch (key.type) {
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com":
      return { kind: "ed25519", key: ed25519Key(key.publicKey) };
    case "ssh-rsa":
      return { kind: "rsa", key: rsaKey(key.n, key.e) };
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return ecdsaVerifier("ecdsa-sha2-nistp256", key.point);
    default:
      return ecdsaVerifier(key.type, key.point);
  }
}

/** The curve decides the hash (RFC 5656 section 6.2.1). */
const CURVES: Readonly<Record<EcdsaKeyType, readonly [EcdsaCurve, "sha256" | "sha384" | "sha512"]>> = {
  "ecdsa-sha2-nistp256": ["P-256", "sha256"],
  "ecdsa-sha2-nistp384": ["P-384", "sha384"],
  "ecdsa-sha2-nistp521": ["P-521", "sha512"],
};

function ecdsaVerifier(type: EcdsaKeyType, point: Uint8Array): SshVerifier {
  const [curve, hash] = CURVES[type];
  return { kind: "ecdsa", key: ecdsaKey(curve, point), hash };
}
