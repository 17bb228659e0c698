/** Whose key is whose, by one policy. Keys verify; people count. */
import { renderNumberedKey } from "@firstmile/formats/signify/key";
import { openPgpKeys } from "../openpgp/keys.ts";
import { partsOf, saidOf } from "../policy/key-parts.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { AuthorKey, Key, KeyEvent, Policy } from "../policy/policy.ts";
import { sigstoreFingerprint, sigstoreKeys } from "../sigstore/keys.ts";
import { certifiedFingerprint, sshFingerprint, sshKeys } from "../ssh/keys.ts";
import type { Fingerprint, SignatureOutcome } from "./outcome.ts";
import type { KeyRing } from "./verify.ts";

export interface Identities {
  readonly keys: KeyRing;
  readonly ownerOf: ReadonlyMap<Fingerprint, PrincipalName>;
  /** What root says of a key's life, by the key as a principal lists it; what wardens say, by any key that signs. */
  readonly lives: ReadonlyMap<Fingerprint, readonly KeyEvent[]>;
}

/** All keys of the policy, loaded once, and their owners. A key has one owner: `loadPolicy` refuses a second. */
export function identitiesOf(policy: Pick<Policy, "principals" | "distrusted">): Identities {
  const owned = [...policy.principals.values()].flatMap(({ name, keys }) =>
    keys.map((key) => ({ name, key })),
  );
  const keys = owned.map(({ key }) => key);
  const ownerOf = new Map<Fingerprint, PrincipalName>();
  const lives = new Map<Fingerprint, KeyEvent[]>();
  for (const { name, key } of owned) {
    for (const fingerprint of fingerprintsOf(key)) ownerOf.set(fingerprint, name);
    for (const [fingerprint, said] of livesOf(key))
      lives.set(fingerprint, [...(lives.get(fingerprint) ?? []), ...said]);
  }
  for (const [name, event] of policy.distrusted ?? []) {
    const fingerprint = name as Fingerprint;
    lives.set(fingerprint, [...(lives.get(fingerprint) ?? []), event]);
  }
  return { keys: keyRing(keys), ownerOf, lives };
}

/**
 * By each name under which a signature by the key can come out: also by that of an SSH certificate over the same
 * numbers, whose authority answers for whom it names and not for the life of the key.
 */
function livesOf(key: Key): [Fingerprint, KeyEvent[]][] {
  if (!key.life?.length) return [];
  const listed = fingerprintsOf(key);
  return partsOf(key).flatMap((part) => {
    const said = saidOf(key, part);
    const own = said.map((event) => ({ ...event, key: part.fingerprint }));
    const elsewhere = said.map((event) => ({ ...event, key: undefined }));
    const others = part.names.filter(
      (name) => name !== part.fingerprint && !listed.includes(name as Fingerprint),
    );
    return [
      ...listed.map((name): [Fingerprint, KeyEvent[]] => [name, own]),
      ...others.map((name): [Fingerprint, KeyEvent[]] => [name as Fingerprint, elsewhere]),
    ];
  });
}

function keyRing(keys: readonly Key[]): KeyRing {
  return {
    openpgp: openPgpKeys(keys.flatMap((key) => (key.kind === "openpgp" ? [key.certificate] : []))),
    ssh: sshKeys(
      keys.filter((key) => key.kind === "ssh"),
      keys.filter((key) => key.kind === "ssh-authority"),
    ),
    sigstore: sigstoreKeys(keys.filter((key) => key.kind === "sigstore")),
  };
}

/** The names by which signatures of this key come out. */
export function fingerprintsOf(key: Key): Fingerprint[] {
  switch (key.kind) {
    case "openpgp":
      return [key.certificate.fingerprint as string as Fingerprint];
    case "ssh":
      return [sshFingerprint(key.key)];
    case "ssh-authority":
      return key.certifiedAs.map((name) => certifiedFingerprint(sshFingerprint(key.key), name));
    case "sigstore":
      return [sigstoreFingerprint(key)];
    case "nix":
      return [];
    case "minisign":
    case "signify":
      return [authorFingerprint(key)];
  }
}

/** `minisign:BASE64` or `signify:BASE64`, as a policy lists it. */
export function authorFingerprint(key: AuthorKey): Fingerprint {
  return `${key.kind}:${renderNumberedKey(key)}` as Fingerprint;
}

/** The distinct people behind the valid ones of several signatures over one object. */
export function peopleBehind(
  outcomes: readonly SignatureOutcome[],
  ownerOf: Identities["ownerOf"],
): Set<PrincipalName> {
  const owners = outcomes.map((outcome) => (outcome.valid ? ownerOf.get(outcome.key) : undefined));
  return new Set(owners.filter((owner) => owner !== undefined));
}
