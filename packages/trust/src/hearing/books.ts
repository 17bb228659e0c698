/**
 * Every authentic state of the rules that is known here: today's, the former ones, and those of each import, from the
 * last state that was held. Each is a book in which one looks up whose a key was and who was in a role.
 *
 * Claims: a person is in a role of a book only with a key that the same book lists for them, so that a key given later
 * to a person who left the role speaks for them in no role. A role's people are all that it names at any depth: no
 * limit on its size empties it, and a role of an import has the people of every known state of that import.
 * Leaves out: thresholds. One word against something is enough.
 */
import type { ImportName, PrincipalName } from "../policy/names.ts";
import type { Group, HeldRules, Key, Member, Policy } from "../policy/policy.ts";
import { fingerprintsOf } from "../signature/identities.ts";
import { nixFingerprint } from "../statement/nix-keys.ts";

type Imports = ReadonlyMap<ImportName, readonly Book[]>;

/** One person as one state of some rules lists them. */
export interface Listing {
  readonly book: Book;
  readonly name: PrincipalName;
  readonly key: Key;
}

export class Book {
  readonly policy: Policy;
  /** "" for this machine's own rules, `acme/` for those of an import. */
  readonly prefix: string;
  /** Whether no later state of the same rules is known. */
  readonly isLatest: boolean;
  readonly #imports: Imports;
  readonly #reached = new Map<Group, ReadonlySet<string>>();

  constructor(policy: Policy, prefix: string, isLatest: boolean, imports: Imports) {
    this.policy = policy;
    this.prefix = prefix;
    this.isLatest = isLatest;
    this.#imports = imports;
  }

  /** Every key with its owner, under each name by which its signatures come out. */
  *listings(): Generator<Listing & { readonly fingerprint: string }> {
    for (const { name, keys } of this.policy.principals.values())
      for (const key of keys)
        for (const fingerprint of namesOf(key)) yield { book: this, name, key, fingerprint };
  }

  /** How a person is called who is listed here. */
  called(name: PrincipalName): PrincipalName {
    return `${this.prefix}${name}` as PrincipalName;
  }

  /** Whether the person is in the group, as this book or one that it imports from lists them. */
  reaches(group: Group, { book, name }: Pick<Listing, "book" | "name">): boolean {
    return this.#people(group).has(mark(book, name));
  }

  #people(group: Group): ReadonlySet<string> {
    const known = this.#reached.get(group);
    if (known) return known;
    const people = new Set<string>();
    // Entered first: a circle of imports comes back here, and ends.
    this.#reached.set(group, people);
    for (const member of group.of) for (const one of this.#member(member)) people.add(one);
    return people;
  }

  #member(member: Member): Iterable<string> {
    switch (member.kind) {
      case "principal":
        return [mark(this, member.name)];
      case "role": {
        const group = this.policy.roles.get(member.name);
        return group ? this.#people(group) : [];
      }
      case "group":
        return this.#people(member.group);
      case "imported":
        return (this.#imports.get(member.from) ?? []).flatMap((book) => {
          const group = book.policy.roles.get(member.role);
          return group ? [...book.#people(group)] : [];
        });
      case "certified":
        // Filled in before: what is left of it stands for no person.
        return [];
    }
  }
}

/** Books have no name of their own: each is known by its number. */
const numbers = new WeakMap<Book, number>();
let count = 0;

function mark(book: Book, name: PrincipalName): string {
  const number = numbers.get(book) ?? count++;
  numbers.set(book, number);
  return `${number} ${name}`;
}

function namesOf(key: Key): readonly string[] {
  return key.kind === "nix" ? [nixFingerprint(key)] : fingerprintsOf(key);
}

/** Own books first, the newest before the older ones, and then those of imports. */
export function booksOf(policy: Policy): { readonly own: readonly Book[]; readonly all: readonly Book[] } {
  const all: Book[] = [];
  const { past } = policy;
  const own = statesOf(past?.written ?? policy, past?.imports ?? new Map(), "", all);
  return { own, all };
}

/** The states of one repository, newest first; imports are entered before those that name them. */
function statesOf(
  policy: Policy,
  held: ReadonlyMap<ImportName, HeldRules>,
  prefix: string,
  all: Book[],
): Book[] {
  const imports = new Map(
    [...held].map(([name, one]) => [name, statesOf(one.policy, one.imports, `${prefix}${name}/`, all)]),
  );
  const former = policy.past?.former ?? [];
  const states = [policy, ...former].map(
    (state, i, known) =>
      new Book(state, prefix, i === 0, i === 0 ? imports : sameImports(state, known, imports)),
  );
  all.push(...states);
  return states;
}

/** What an import is called decides nothing: it is the repository of that introduction. */
function sameImports(state: Policy, known: readonly Policy[], imports: Imports): Imports {
  // What is held under a name is the repository of the newest state that has the name.
  const held = new Map(
    [...imports].map(([name, books]) => {
      const newest = known.find((one) => one.imports.has(name));
      return [newest && introductionIn(newest, name), books];
    }),
  );
  return new Map(
    [...state.imports.keys()].flatMap((name) => {
      const books = held.get(introductionIn(state, name));
      return books ? [[name, books] as const] : [];
    }),
  );
}

function introductionIn({ imports }: Policy, name: ImportName): string | undefined {
  return imports.get(name)?.introduction.commit;
}
