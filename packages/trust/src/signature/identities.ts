/** Whose key is whose, by one policy. Keys verify; people count. */
import { openPgpKeys } from "../openpgp/keys.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { sshFingerprint, sshKeys } from "../ssh/keys.ts";
import type { Fingerprint, SignatureOutcome } from "./outcome.ts";
import type { KeyRing } from "./verify.ts";

export interface Identities {
  readonly keys: KeyRing;
  readonly ownerOf: ReadonlyMap<Fingerprint, PrincipalName>;
}

/** All keys of the policy, loaded once, and their owners. A key has one owner: `loadPolicy` refuses a second. */
export function identitiesOf(policy: Policy): Identities {
  const listed = [...policy.principals.values()].flatMap(({ name, keys }) =>
    keys.map((key) => ({ name, key })),
  );
  const openpgp = listed.flatMap(({ key }) => (key.kind === "openpgp" ? [key.certificate] : []));
  const ssh = listed.flatMap(({ key }) => (key.kind === "ssh" ? [key] : []));
  const ownerOf = new Map<Fingerprint, PrincipalName>();
  for (const { name, key } of listed) {
    if (key.kind === "openpgp") ownerOf.set(key.certificate.fingerprint as string as Fingerprint, name);
    if (key.kind === "ssh") ownerOf.set(sshFingerprint(key.key), name);
  }
  return { keys: { openpgp: openPgpKeys(openpgp), ssh: sshKeys(ssh) }, ownerOf };
}

/** The distinct people behind the valid ones of several signatures over one object. */
export function peopleBehind(
  outcomes: readonly SignatureOutcome[],
  ownerOf: Identities["ownerOf"],
): Set<PrincipalName> {
  const owners = outcomes.map((outcome) => (outcome.valid ? ownerOf.get(outcome.key) : undefined));
  return new Set(owners.filter((owner) => owner !== undefined));
}
