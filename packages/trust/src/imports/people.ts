/**
 * Who of another trust repository is whom.
 *
 * Claims: whoever shares a key with somebody known is that person, under the name and with the keys that are known
 * already; so nobody has two votes by standing in two repositories, and no repository adds a key to a person that
 * another one lists, or takes a person from it. Against: somebody in two repositories who signs with a key of each; a
 * repository that lists a stranger's public key beside one of its own, to vote in his place. Repositories come in the
 * order of the policy, this one's own first: a later one changes nothing about the people of those before.
 */
import { latin1 } from "@firstmile/formats/bytes/text";
import { authorityNumbers } from "../policy/key-parts.ts";
import type { Operator, PrincipalName } from "../policy/names.ts";
import type { Key, Principal } from "../policy/policy.ts";
import { identities } from "../policy/principals.ts";
import type { Keyrings } from "./keyrings.ts";

/** Who a principal of another repository is here; or why that cannot be said. */
export type Taken =
  | { readonly ok: true; readonly name: PrincipalName }
  | { readonly ok: false; readonly problem: string };

export class People {
  /** Everybody known, by the name used here. */
  readonly principals: Map<PrincipalName, Principal>;
  readonly #own: ReadonlySet<PrincipalName>;
  readonly #owners = new Map<string, PrincipalName>();
  /** Whom each authority certifies, by its numbers: who holds its key can sign for them. */
  readonly #certified = new Map<string, Set<PrincipalName>>();
  readonly #emails = new Set<string>();
  /** Whatever name an operator was ever called by -> its name here. */
  readonly #operators = new Map<string, Operator>();

  readonly #keyrings: Keyrings;

  constructor(own: ReadonlyMap<PrincipalName, Principal>, keyrings: Keyrings) {
    this.#keyrings = keyrings;
    this.principals = new Map(own);
    this.#own = new Set(own.keys());
    for (const principal of own.values()) this.#enter(principal);
  }

  /** Takes in principals of one repository; the answers are by their names there. */
  take(prefix: string, list: readonly Principal[], names: ReadonlySet<string>): Map<PrincipalName, Taken> {
    const known = new Map(list.map((principal) => [principal, this.#known(principal)]));
    const operators = this.#operatorsOf(known, names);
    return new Map(
      list.map((principal) => [
        principal.name,
        this.#takeOne(prefix, principal, known.get(principal)!, operators),
      ]),
    );
  }

  #takeOne(
    prefix: string,
    principal: Principal,
    known: readonly PrincipalName[],
    operators: ReadonlyMap<Operator, Operator | undefined>,
  ): Taken {
    const [person, ...others] = known;
    if (others.length > 0) {
      const who = known.join(" and ");
      return refused(`it shares keys with ${who}, who are not one person`);
    }
    const [bound] = this.#bound(principal).filter((name) => name !== person);
    if (bound !== undefined)
      return refused(`a key of it is a certification authority for ${bound}, or the other way round`);
    if (person !== undefined) return this.#join(person, principal);
    if (this.#keyrings.widened(prefix, principal.keys))
      return refused("it lists a certificate of another repository's keyring beside other keys");
    const operator = operators.get(principal.operator);
    if (operator === undefined)
      return refused(`its operator ${principal.operator} runs builders of several operators known here`);
    return this.#add(prefix, principal, operator);
  }

  /**
   * Between two imports the keys known first must be the other's too: a key that only the first repository vouches
   * for would otherwise vote in a role of the second. This policy itself may say that of anybody.
   */
  #join(person: PrincipalName, principal: Principal): Taken {
    const before = this.principals.get(person)!;
    const listed = new Set(principal.keys.flatMap(listings));
    const foreign = before.keys.flatMap(listings).some((key) => !listed.has(key));
    if (foreign && !this.#own.has(person)) {
      return refused(`it is ${person}, to whom another import gives keys that are not listed here`);
    }
    const same = new Set(before.keys.flatMap(listings));
    // Copies of a key known already: what its owner withdrew in either copy is withdrawn, and each demand holds.
    const copies = principal.keys.filter(
      (key) => (key.kind === "openpgp" || key.kind === "ssh") && listings(key).every((id) => same.has(id)),
    );
    if (copies.length > 0) this.principals.set(person, { ...before, keys: [...before.keys, ...copies] });
    return { ok: true, name: person };
  }

  #add(prefix: string, principal: Principal, operator: Operator): Taken {
    const name = `${prefix}/${principal.name}` as PrincipalName;
    const emails = principal.emails.filter((email) => !this.#emails.has(email.toLowerCase()));
    const keys = principal.keys.map((key) =>
      "file" in key ? { ...key, file: `${prefix}/${key.file}` } : key,
    );
    const added: Principal = { name, emails, operator, keys };
    this.principals.set(name, added);
    this.#enter(added);
    return { ok: true, name };
  }

  /** Everybody known with whom it shares a key. */
  #known(principal: Principal): PrincipalName[] {
    const owners = principal.keys.flatMap(shared).map((id) => this.#owners.get(id));
    return [...new Set(owners.filter((owner) => owner !== undefined))];
  }

  /** Everybody known for whom it can sign, or who can sign for it, by holding the key of a certification authority. */
  #bound(principal: Principal): PrincipalName[] {
    const served = principal.keys.flatMap(shared).flatMap((id) => [...(this.#certified.get(id) ?? [])]);
    const holders = principal.keys.flatMap((key) => this.#owners.get(authorityNumbers(key) ?? "") ?? []);
    return [...new Set([...served, ...holders])];
  }

  #enter({ name, keys, emails, operator }: Principal): void {
    this.#called(operator, operator);
    this.#called(name, operator);
    for (const id of keys.flatMap(shared)) if (!this.#owners.has(id)) this.#owners.set(id, name);
    for (const authority of keys.flatMap((key) => authorityNumbers(key) ?? []))
      this.#certified.set(authority, (this.#certified.get(authority) ?? new Set()).add(name));
    for (const email of emails) this.#emails.add(email.toLowerCase());
  }

  /**
   * One vote an operator: the same name is the same operator, whichever repository says it, and the operator of a
   * builder known here is the one known here. Undefined: these make several of what the other repository calls one.
   * A principal that is its own operator says nothing by that name once it is known to be somebody else's.
   */
  #operatorsOf(
    known: ReadonlyMap<Principal, readonly PrincipalName[]>,
    names: ReadonlySet<string>,
  ): Map<Operator, Operator | undefined> {
    const by = Map.groupBy(known, ([{ operator }]) => operator);
    return new Map([...by].map(([name, members]) => [name, this.#operator(name, members, names)]));
  }

  #operator(
    name: Operator,
    members: readonly [Principal, readonly PrincipalName[]][],
    names: ReadonlySet<string>,
  ): Operator | undefined {
    const people = members.flatMap(([, known]) => known);
    const here = new Set(people.map((person) => this.principals.get(person)!.operator));
    const namesake = this.#operators.get(name);
    if (namesake !== undefined && (here.size === 0 || !names.has(name))) here.add(namesake);
    const [operator = name, ...others] = here;
    if (others.length > 0) return undefined;
    this.#called(name, operator);
    return operator;
  }

  #called(name: string, operator: Operator): void {
    if (!this.#operators.has(name)) this.#operators.set(name, operator);
  }
}

/** What two principals may not have in common. A Nix key's name is a hint: two keys of one name are two keys. */
function shared(key: Key): string[] {
  return identities(key).filter((id) => !id.startsWith("nix-name:"));
}

/** The key as it is listed. A Sigstore name is as good as the instance that vouches for it, so that counts too. */
function listings(key: Key): string[] {
  const all = identities(key);
  if (key.kind === "sigstore") return all.map((id) => `${id} ${latin1(key.trustedRoot)}`);
  return key.kind === "ssh-authority" ? all : all.slice(0, 1);
}

function refused(problem: string): Taken {
  return { ok: false, problem };
}
