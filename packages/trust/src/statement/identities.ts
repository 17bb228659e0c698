import type { PrincipalName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { identitiesOf } from "../signature/identities.ts";
import type { Fingerprint } from "../signature/outcome.ts";
import { nixFingerprint, nixKeys } from "./nix-keys.ts";
import type { StatementKeys } from "./signature.ts";

/** As `identitiesOf`, with Nix keys, which sign statements but never commits. */
export function statementIdentities(policy: Pick<Policy, "principals" | "distrusted">): {
  readonly keys: StatementKeys;
  readonly ownerOf: ReadonlyMap<Fingerprint, PrincipalName>;
} {
  const { keys, ownerOf } = identitiesOf(policy);
  const listed = [...policy.principals.values()].flatMap(({ name, keys: own }) =>
    own.flatMap((key) => (key.kind === "nix" ? [{ name, key }] : [])),
  );
  const nix = nixKeys(listed.map(({ key }) => key));
  const owners = listed.map(({ name, key }): [Fingerprint, PrincipalName] => [nixFingerprint(key), name]);
  return { keys: { ...keys, nix }, ownerOf: new Map([...ownerOf, ...owners]) };
}
