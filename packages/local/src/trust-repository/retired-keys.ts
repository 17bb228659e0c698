/** Keys that root retired, and what vouches for what they had said before. */
import type { Key, KeyEvent, Policy } from "@firstmile/trust/policy/policy";
import { fingerprintsOf } from "@firstmile/trust/signature/identities";

type Retired = KeyEvent & { readonly kind: "retired" };

/** The fingerprints that a retirement is about. */
function meant(key: Key, event: KeyEvent): readonly string[] {
  if (event.key !== undefined) return [event.key];
  return fingerprintsOf(key);
}

/** By fingerprint. */
export function retirements(policy: Policy): Map<string, Retired> {
  const all = [...policy.principals.values()].flatMap(({ keys }) => keys);
  return new Map(
    all.flatMap((key) =>
      key.kind === "nix"
        ? []
        : key.life.flatMap((event) =>
            event.kind === "retired" ? meant(key, event).map((name) => [name, event] as const) : [],
          ),
    ),
  );
}

/** Fingerprints that a policy lists without a word on their end. */
export function activeKeys(policy: Policy): Set<string> {
  const all = [...policy.principals.values()].flatMap(({ keys }) => keys);
  const ended = all.flatMap((key) =>
    key.kind === "nix" ? [] : key.life.flatMap((event) => meant(key, event)),
  );
  return new Set(all.flatMap(namesOf)).difference(new Set(ended));
}

/** Keys that are in use by the rules before, and retired by the next. */
export function newlyRetired(before: Policy, next: Policy): Set<string> {
  return new Set(retirements(next).keys()).intersection(activeKeys(before));
}

/** The policy in which each retirement knows what the key said before it. */
export function withVouched(policy: Policy, vouched: ReadonlyMap<string, Iterable<string>>): Policy {
  if (![...retirements(policy).keys()].some((name) => vouched.has(name))) return policy;
  const told = (key: Key, event: KeyEvent): KeyEvent => {
    if (event.kind !== "retired") return event;
    const said = new Set(event.vouched);
    for (const name of meant(key, event)) for (const one of vouched.get(name) ?? []) said.add(one);
    return said.size === 0 ? event : { ...event, vouched: [...said].sort() };
  };
  const principals = [...policy.principals].map(([name, one]) => {
    const keys = one.keys.map((key) =>
      key.kind === "nix" ? key : ({ ...key, life: key.life.map((event) => told(key, event)) } as Key),
    );
    return [name, { ...one, keys }] as const;
  });
  return { ...policy, principals: new Map(principals) };
}

/** Every fingerprint by which a retirement may name a key. */
function namesOf(key: Key): readonly string[] {
  if (key.kind !== "openpgp") return fingerprintsOf(key);
  const { primary, subkeys } = key.certificate;
  return [primary, ...subkeys.map((subkey) => subkey.key)].map(({ fingerprint }) => fingerprint);
}
