/**
 * The single keys that an entry of the policy lists, and every name that each has.
 *
 * Claim: one key in two formats is one key, because its numbers name it; and whatever is said of it under one name is
 * found under all. Against: a key that is compromised in one format and signs in another.
 */
import { encodeBase64 } from "@firstmile/formats/bytes/text";
import { renderNumberedKey } from "@firstmile/formats/signify/key";
import { type KeyNumbers, sshBlobOf } from "@firstmile/formats/ssh/blob";
import { digest } from "../crypto/hash.ts";
import type { Fingerprint } from "../signature/outcome.ts";
import { sigstoreFingerprint } from "../sigstore/keys.ts";
import { certifiedFingerprint, sshFingerprint } from "../ssh/keys.ts";
import type { Key, KeyEvent, SshAuthority } from "./policy.ts";
import { identities } from "./principals.ts";

/** One key of an entry: an OpenPGP certificate has several. */
export interface KeyPart {
  /** The numbers of the key where they are known, so that one key in two formats is one. */
  readonly id: string;
  /** As a key event names it; undefined where the entry is this one key. */
  readonly fingerprint: string | undefined;
  /** Whether the others of the entry rest on it: the primary key of an OpenPGP certificate, or the only key. */
  readonly isWhole: boolean;
  /** What the key is called, in each format that has a name for it. */
  readonly names: readonly string[];
  /** By what else its word comes out: of an authority, whom it certifies. */
  readonly speaksAs: readonly string[];
}

/** @returns the parts of one entry, the primary key first */
export function partsOf(key: Key): KeyPart[] {
  if (key.kind !== "openpgp") {
    const id = authorityNumbers(key) ?? identities(key).at(-1)!;
    const speaksAs = key.kind === "ssh-authority" ? certifiedNames(key) : [];
    return [{ id, fingerprint: undefined, isWhole: true, names: namesOf(key), speaksAs }];
  }
  const { primary, subkeys } = key.certificate;
  return [primary, ...subkeys.map((subkey) => subkey.key)].map((one) => {
    const { fingerprint, material } = one;
    const alone = { ...key.certificate, fingerprint, primary: one, subkeys: [] };
    const names = material.kind === "unsupported" ? [fingerprint] : [fingerprint, sshName(material)];
    const id = identities({ ...key, certificate: alone }).at(-1)!;
    return { id, fingerprint, isWhole: one === primary, names, speaksAs: [] };
  });
}

/** The numbers of a certification authority's key; undefined of other entries. They sign for others, and are one key all the same. */
export function authorityNumbers(key: Key): string | undefined {
  if (key.kind !== "ssh-authority") return undefined;
  const { file, life } = key;
  return identities({ kind: "ssh", file, life, key: key.key, touch: false, pin: false }).at(-1)!;
}

/**
 * What is said of one part of its own entry. Each compromise holds; of retirements, those of a subkey stand in for those of
 * its certificate. A name that fits none of the keys is a slip, which must not let the key off.
 */
export function saidOf(key: Key, part: KeyPart): KeyEvent[] {
  const life = key.life ?? [];
  if (key.kind !== "openpgp") return [...life];
  const names = eventNames(key);
  const own = life.filter((event) => event.key === part.fingerprint);
  const general = life.filter(
    (event) => event.key === undefined || event.key === names[0] || !names.includes(event.key),
  );
  const isRetired = own.some(({ kind }) => kind === "retired");
  return [...new Set([...own, ...general.filter(({ kind }) => kind !== "retired" || !isRetired)])];
}

/** By name of a key: every name of each part with the same numbers. */
export function namesakes(keys: Iterable<Key>): ReadonlyMap<string, ReadonlySet<string>> {
  const byId = Map.groupBy([...keys].flatMap(partsOf), ({ id }) => id);
  const all = new Map<string, Set<string>>();
  for (const parts of byId.values()) {
    const names = parts.flatMap((part) => [...part.names, ...part.speaksAs]);
    for (const name of parts.flatMap((part) => part.names))
      all.set(name, new Set([...(all.get(name) ?? []), ...names]));
  }
  return all;
}

function namesOf(key: Exclude<Key, { readonly kind: "openpgp" }>): string[] {
  switch (key.kind) {
    case "ssh":
    case "ssh-authority":
      return [sshFingerprint(key.key)];
    case "sigstore":
      return [sigstoreFingerprint(key)];
    case "nix":
      return [`nix:${key.name}:${encodeBase64(key.key)}`, sshName({ kind: "ed25519", point: key.key })];
    case "minisign":
    case "signify":
      return [`${key.kind}:${renderNumberedKey(key)}`, sshName({ kind: "ed25519", point: key.key })];
  }
}

function certifiedNames({ key, certifiedAs }: SshAuthority): string[] {
  return certifiedAs.map((name) => certifiedFingerprint(sshFingerprint(key), name));
}

/** What an SSH certificate over the same key is called by. */
function sshName(numbers: KeyNumbers): Fingerprint {
  const hash = encodeBase64(digest("sha256", sshBlobOf(numbers)));
  return `SHA256:${hash.replace(/=+$/, "")}` as Fingerprint;
}

/** Every fingerprint that a key event may name, the one that stands for all of the entry first. */
export function eventNames(key: Key): string[] {
  if (key.kind === "ssh" || key.kind === "ssh-authority") return [sshFingerprint(key.key)];
  return partsOf(key).flatMap(({ fingerprint }) => fingerprint ?? []);
}
