/**
 * The SSH keys and authorities that a decision may lean on, each taken in once.
 *
 * Claims: a key is found by the SHA-256 of all its bytes and by nothing else, and listing it twice never softens
 * what one of the entries demands. A key listed as an authority signs certificates and nothing else, unless it is
 * listed as a key too.
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

/** An authority, and the names in its certificates that stand for one person. */
export interface SshAuthorityEntry {
  readonly key: SshPublicKey;
  readonly certifiedAs: readonly string[];
}

/** A key ready to verify with. */
export type SshVerifier =
  | { readonly kind: "ed25519"; readonly key: Ed25519Key }
  | { readonly kind: "ecdsa"; readonly key: EcdsaKey; readonly hash: "sha256" | "sha384" | "sha512" }
  | { readonly kind: "rsa"; readonly key: RsaKey }
  /** Listed, but proves nothing: every signature by it is refused with this reason. */
  | { readonly kind: "weak"; readonly problem: string };

/** Who would have signed, what to verify it with, and what a signature has to prove besides. */
export interface SshSigner {
  /** What a principal lists: the key's fingerprint, or `certifiedFingerprint`. */
  readonly key: Fingerprint;
  readonly signingKey: Fingerprint;
  readonly verifier: SshVerifier;
  readonly touch: boolean;
  readonly pin: boolean;
}

export interface KnownSshAuthority {
  readonly fingerprint: Fingerprint;
  readonly verifier: SshVerifier;
  /** `certifiedAs` of each entry that lists this authority: one person each. */
  readonly entries: readonly (readonly string[])[];
}

export interface SshKeys {
  readonly plain: ReadonlyMap<Fingerprint, SshSigner>;
  readonly authorities: ReadonlyMap<Fingerprint, KnownSshAuthority>;
}

/** Indexes keys by fingerprint. Of two entries for one key, each demand counts that either of them makes. */
export function sshKeys(
  entries: Iterable<SshKeyEntry>,
  authorities: Iterable<SshAuthorityEntry> = [],
): SshKeys {
  const plain = new Map<Fingerprint, SshSigner>();
  for (const { key: listed, touch, pin } of entries) {
    const key = sshFingerprint(listed);
    const other = plain.get(key);
    plain.set(key, {
      key,
      signingKey: key,
      verifier: other?.verifier ?? takeInSshKey(listed),
      touch: touch || other?.touch === true,
      pin: pin || other?.pin === true,
    });
  }
  return { plain, authorities: knownAuthorities(authorities) };
}

function knownAuthorities(entries: Iterable<SshAuthorityEntry>): SshKeys["authorities"] {
  const known = new Map<Fingerprint, KnownSshAuthority>();
  for (const { key, certifiedAs } of entries) {
    const fingerprint = sshFingerprint(key);
    const other = known.get(fingerprint);
    const verifier = other?.verifier ?? takeInSshKey(key);
    known.set(fingerprint, { fingerprint, verifier, entries: [...(other?.entries ?? []), certifiedAs] });
  }
  return known;
}

/**
 * How an outcome names whoever an authority certifies by this name: `SHA256:… as NAME`. The part before the space
 * has one length, so that no name can pass for another authority's.
 */
export function certifiedFingerprint(authority: Fingerprint, name: string): Fingerprint {
  return `${authority} as ${name}` as Fingerprint;
}

/** `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it. */
export function sshFingerprint(key: SshPublicKey): Fingerprint {
  return `SHA256:${encodeBase64(sshFingerprintBytes(key)).replace(/=+$/, "")}` as Fingerprint;
}

/** A key as it is verified with. Never throws: a key that proves nothing is told so. */
export function takeInSshKey(key: SshPublicKey): SshVerifier {
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
