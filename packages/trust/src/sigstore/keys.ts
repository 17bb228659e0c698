/**
 * The Sigstore identities that a decision may lean on.
 *
 * Claims: an identity is found by its issuer and its name, both byte for byte, and by nothing else: no pattern, no
 * substring, no other spelling of a URL or an address. The same name of another issuer is another person.
 */
import type { SigstoreIdentity } from "../policy/policy.ts";
import type { Fingerprint } from "../signature/outcome.ts";
import { type SigstoreInstance, sigstoreInstance, trustedRootDigest } from "./trusted-root.ts";

export interface KnownIdentity {
  readonly fingerprint: Fingerprint;
  /** Path of the trusted root, for people. */
  readonly file: string;
  readonly instance: SigstoreInstance;
}

/** What of a policy's entry is looked at here. */
export type SigstoreEntry = Pick<SigstoreIdentity, "file" | "trustedRoot" | "identity" | "issuer">;

/** By issuer and identity; of one such pair, one for each trusted root that it is listed with. */
export type SigstoreKeys = ReadonlyMap<string, readonly KnownIdentity[]>;

/** Indexes identities. Entries of one trusted root share it; a second entry for the same is the same. Never throws. */
export function sigstoreKeys(entries: Iterable<SigstoreEntry>): SigstoreKeys {
  const keys = new Map<string, KnownIdentity[]>();
  const instances = new Map<string, SigstoreInstance>();
  for (const entry of entries) {
    const root = trustedRootDigest(entry.trustedRoot);
    const instance = instances.get(root) ?? sigstoreInstance(entry.trustedRoot);
    instances.set(root, instance);
    const name = identityKey(entry.issuer, entry.identity);
    const known = keys.get(name) ?? [];
    if (known.some((other) => other.instance === instance)) continue;
    keys.set(name, [...known, { fingerprint: sigstoreFingerprint(entry), file: entry.file, instance }]);
  }
  return keys;
}

/** Names an issuer and an identity so that no other pair has that name. */
export function identityKey(issuer: string, identity: string): string {
  return JSON.stringify([issuer, identity]);
}

/**
 * `sigstore:ISSUER IDENTITY ROOT`, ROOT the first twelve hex digits of the trusted root's SHA-256. The issuer is
 * without spaces, so that the first one always stands before the identity.
 */
export function sigstoreFingerprint({
  trustedRoot,
  identity,
  issuer,
}: Omit<SigstoreEntry, "file">): Fingerprint {
  const oneWord = issuer.replaceAll("%", "%25").replaceAll(" ", "%20");
  return `sigstore:${oneWord} ${identity} ${trustedRootDigest(trustedRoot).slice(0, 12)}` as Fingerprint;
}
