/**
 * Whose the certificates are that certified roles elect.
 *
 * Claims: one person is one principal, however many of their keys are certified. Certificates with a certified address
 * or a key in common are one person's. Against: somebody who counts twice; and the other way round, a key that by
 * sharing an address would get a role that nobody certified it for. So somebody whom the policy lists has the keys
 * that it lists and no others, and of somebody's certified keys only those count that are in the same roles.
 */
import { sameOwner } from "../openpgp/owners.ts";
import type { Ballot, ElectionCode, Register, Votes } from "./election.ts";
import { authorityNumbers } from "./key-parts.ts";
import type { Operator, PrincipalName } from "./names.ts";
import type { Certified, Key, Principal } from "./policy.ts";
import { identities } from "./principals.ts";

/** One person in one certified role, with the certificates that it elected. */
export interface CertifiedPerson {
  readonly principal: PrincipalName;
  readonly votes: readonly Votes[];
}

export class CertifiedPeople {
  /** Elected certificates that nevertheless are nobody's, by fingerprint. */
  readonly leftOut: Map<string, ElectionCode> = new Map();
  /** The people whom the policy does not list. */
  readonly joined: Principal[] = [];
  readonly #register: Register;
  /** By fingerprint: each ballot that elected it. */
  readonly #elected = new Map<string, { certified: Certified; votes: Votes }[]>();
  readonly #names = new Map<string, PrincipalName>();

  constructor(register: Register, ballots: readonly Ballot[]) {
    this.#register = register;
    for (const { certified, elected } of ballots) for (const votes of elected) this.#enter(certified, votes);
    const principals = [...register.policy.principals.values()].map((one) => ({ marks: this.#marksOf(one) }));
    const unlisted = [...this.#elected.keys()]
      .filter((fingerprint) => !register.listed.has(fingerprint))
      .sort()
      .map((fingerprint) => ({ marks: this.#marks(fingerprint), fingerprint }));
    const all: { marks: string[]; fingerprint?: string }[] = [...principals, ...unlisted];
    for (const group of sameOwner(all.map(({ marks }) => marks))) this.#person(group.map((i) => all[i]!));
  }

  /** Who stands behind the elected of one ballot. */
  people(elected: readonly Votes[]): CertifiedPerson[] {
    const named = elected.flatMap((votes) => {
      const { fingerprint } = votes.certificate;
      const principal = this.#register.listed.get(fingerprint) ?? this.#names.get(fingerprint);
      return principal === undefined ? [] : [{ principal, votes }];
    });
    const byName = Map.groupBy(named, ({ principal }) => principal);
    return [...byName].map(([principal, theirs]) => ({ principal, votes: theirs.map(({ votes }) => votes) }));
  }

  #enter(certified: Certified, votes: Votes): void {
    const { fingerprint } = votes.certificate;
    const known = this.#elected.get(fingerprint);
    if (known === undefined) this.#elected.set(fingerprint, [{ certified, votes }]);
    else known.push({ certified, votes });
  }

  #person(group: readonly { readonly fingerprint?: string }[]): void {
    const keys = group.flatMap(({ fingerprint }) => (fingerprint === undefined ? [] : [fingerprint]));
    const first = keys[0];
    if (first === undefined) return;
    if (keys.length < group.length) {
      for (const key of keys) this.leftOut.set(key, "key-of-listed-principal");
      return;
    }
    const usable = this.#forSameRoles(keys);
    for (const key of keys) if (!usable.includes(key)) this.leftOut.set(key, "person-in-other-roles");
    // No name that a policy can give has a colon in it.
    const name = `certified:${usable[0]!}` as PrincipalName;
    for (const key of usable) this.#names.set(key, name);
    this.joined.push(this.#principal(name, usable));
  }

  /** With the key that is in the most roles come those in the same ones; of two equals, the lower fingerprint's. */
  #forSameRoles(keys: readonly string[]): string[] {
    const roles = (key: string) => new Set(this.#elected.get(key)!.map(({ certified }) => certified));
    const most = keys.map(roles).reduce((a, b) => (b.size > a.size ? b : a));
    return keys.filter((key) => roles(key).symmetricDifference(most).size === 0);
  }

  #principal(name: PrincipalName, keys: readonly string[]): Principal {
    return {
      name,
      emails: [...new Set(keys.flatMap((key) => this.#addresses(key)))],
      operator: name as string as Operator,
      keys: keys.map((key): Key => {
        const { certified, votes } = this.#elected.get(key)![0]!;
        return { kind: "openpgp", file: certified.keyring, certificate: votes.certificate, life: [] };
      }),
    };
  }

  #addresses(fingerprint: string): string[] {
    const votes = (this.#elected.get(fingerprint) ?? []).flatMap((one) => one.votes.userIds);
    return votes.flatMap(({ code, address }) =>
      code === undefined && address !== undefined ? [address] : [],
    );
  }

  /** Only keys that proved to be the owner's: naming another's subkey must not make two people one. */
  #marks(fingerprint: string): string[] {
    const { certificate } = this.#elected.get(fingerprint)![0]!.votes;
    const state = this.#register.state(certificate);
    const proven = certificate.subkeys.filter((_, i) => state.subkeys[i]!.refusal === undefined);
    const own = { ...certificate, subkeys: proven };
    const numbers = identities({ kind: "openpgp", file: "", certificate: own, life: [] });
    return [...numbers, ...this.#addresses(fingerprint).map(mailMark)];
  }

  #marksOf({ emails, keys }: Principal): string[] {
    const certified = keys.flatMap((key) =>
      key.kind === "openpgp" ? this.#addresses(key.certificate.fingerprint) : [],
    );
    const authorities = keys.flatMap((key) => authorityNumbers(key) ?? []);
    return [...keys.flatMap(identities), ...authorities, ...[...emails, ...certified].map(mailMark)];
  }
}

function mailMark(address: string): string {
  return `mail:${address.toLowerCase()}`;
}
