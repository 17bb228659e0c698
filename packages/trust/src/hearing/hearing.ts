/**
 * Who speaks against something, by all authentic rules that are known here.
 *
 * Claims: a word against something is heard if the rules ever listed its key for a person in the role that is listened
 * to, whatever ended since: the key expired, was retired, called compromised or taken off the list, its owner left the
 * role, or the import gives nothing any more. Where root or the owner ended it, the word is in doubt, and says so.
 * Against: time, housekeeping, or an import that is held back, as ways to let in what was stopped. A thief of a former
 * key can stop things until root ends that key's words; this fails closed. Leaves out: withdrawals (withdrawals.ts).
 */
import { preAuthEncoding } from "@firstmile/formats/dsse/envelope";
import type { PrincipalName } from "../policy/names.ts";
import type { Group, KeyEvent, Policy } from "../policy/policy.ts";
import { peopleOf } from "../policy/thresholds.ts";
import { type Identities, identitiesOf } from "../signature/identities.ts";
import type { Fingerprint } from "../signature/outcome.ts";
import { verifyStatementSignature } from "../statement/signature.ts";
import type { OpenedStatement } from "../statement/verify.ts";
import { type Book, booksOf, type Listing } from "./books.ts";
import { type KeyLayer, keyLayers } from "./layers.ts";
import type { Spoken } from "./words.ts";

/** A person whose word against something is in force. */
export interface Speaker {
  readonly name: PrincipalName;
  /** Why root is asked whether the word may end. Undefined: it is not. */
  readonly doubt: string | undefined;
}

/** Whom one state of the rules listens to; undefined: it knows no such role or rule. */
export type Listened = (rules: Policy) => Group | undefined;

const known = new WeakMap<Policy, Hearing>();

/** Worked out once for each policy. */
export function hearingOf(policy: Policy): Hearing {
  const before = known.get(policy);
  if (before) return before;
  const made = new Hearing(policy);
  known.set(policy, made);
  return made;
}

export class Hearing {
  readonly #policy: Policy;
  readonly #own: readonly Book[];
  readonly #identities: Identities;
  readonly #listings = new Map<string, Listing[]>();
  readonly #all: readonly Book[];
  #layers: readonly KeyLayer[] | undefined;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#identities = identitiesOf(policy);
    const { own, all } = booksOf(policy);
    this.#own = own;
    this.#all = all;
    for (const book of all)
      for (const { fingerprint, ...listing } of book.listings())
        this.#listings.set(fingerprint, [...(this.#listings.get(fingerprint) ?? []), listing]);
  }

  /** Good signatures by keys that the rules of today do not list, or list otherwise. `now` in Unix seconds. */
  formerlySpoken({ envelope }: OpenedStatement, now: number): Spoken[] {
    this.#layers ??= keyLayers(this.#policy, this.#all);
    if (this.#layers.length === 0) return [];
    const message = preAuthEncoding(envelope.payloadType, envelope.payload);
    return this.#layers.flatMap(({ keys, booksOf: books }) =>
      envelope.signatures.flatMap((signature): Spoken[] => {
        const outcome = verifyStatementSignature(signature, message, keys, now);
        const good = outcome.valid ? outcome : outcome.lapsed;
        return good ? [{ key: good.key, signingKey: good.signingKey, books: books(good.key) }] : [];
      }),
    );
  }

  /**
   * The people behind a word who are, or ever were, in the group; sorted by name, each once.
   *
   * @param today the group by the rules of today, where it is not found by `listened`
   */
  speakers(spoken: readonly Spoken[], listened: Listened, today?: Group): Speaker[] {
    const found = new Map<PrincipalName, string | undefined>();
    for (const one of spoken) {
      const speaker = this.#speaker(one, listened, today);
      if (!speaker || (one.endsInDoubt && speaker.doubt !== undefined)) continue;
      const before = found.has(speaker.name) ? found.get(speaker.name) : speaker.doubt;
      // One word without doubt is enough.
      found.set(speaker.name, speaker.doubt === undefined ? undefined : before);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, doubt]) => ({ name, doubt }));
  }

  #speaker(spoken: Spoken, listened: Listened, today: Group | undefined): Speaker | undefined {
    const owner = this.#owner(spoken);
    const listings = (this.#listings.get(spoken.key) ?? []).filter(
      ({ book }) => spoken.books === undefined || spoken.books.includes(book),
    );
    const now = today ?? listened(this.#policy);
    const isInRole = owner !== undefined && now !== undefined && peopleOf(now, this.#policy).has(owner);
    const heard = listings.flatMap((listing) => {
      const books = this.#own.filter((book) => isListenedTo(book, listened, listing));
      return books.map((book) => ({ listing, isLatest: book.isLatest && listing.book.isLatest }));
    });
    if (!isInRole && heard.length === 0) return undefined;
    const { book, name } = heard[0]?.listing ?? {};
    const called = owner ?? book!.called(name!);
    const harm = this.#harm(spoken);
    if (harm !== undefined) return { name: called, doubt: harm };
    const isCertain = isInRole || heard.some((one) => one.isLatest);
    return { name: called, doubt: isCertain ? undefined : this.#doubt(spoken, listened) };
  }

  /** Every name under which this machine's own rules ever listed a key, and whose it is today. */
  namesOf(key: string): ReadonlySet<PrincipalName> {
    const listed = (this.#listings.get(key) ?? []).map(({ book, name }) => book.called(name));
    const owner = this.#identities.ownerOf.get(key as Fingerprint);
    return new Set(owner === undefined ? listed : [...listed, owner]);
  }

  /** Whose the key is today. A signature that holds only by a former copy of the key is not theirs today. */
  #owner({ key, books }: Spoken): PrincipalName | undefined {
    const owner = this.#identities.ownerOf.get(key);
    return books === undefined || books.some(({ isLatest }) => isLatest) ? owner : undefined;
  }

  #harm({ key, signingKey }: Spoken): string | undefined {
    const said = [key, signingKey].flatMap((one) => this.#identities.lives.get(one as Fingerprint) ?? []);
    const own = said.filter((event) => event.key === undefined || event.key === signingKey);
    const event =
      own.find(({ kind }) => kind === "compromised") ?? own.find(({ kind }) => kind !== "retired");
    return event && harmText(key, event);
  }

  #doubt({ key }: Spoken, listened: Listened): string {
    const today = (this.#listings.get(key) ?? []).filter(({ book }) => book.isLatest);
    if (today.length === 0) return `${key} is not listed any more`;
    const latest = this.#own.filter(({ isLatest }) => isLatest);
    const isInRole = today.some((listing) => latest.some((book) => isListenedTo(book, listened, listing)));
    return isInRole
      ? `${key} does not count any more as it is listed, such as when its owner revoked it`
      : `the owner of ${key} has left the role`;
  }
}

/** Why a word is in doubt that all of these speak; undefined where one of them is in no doubt. */
export function doubtIn(speakers: readonly Speaker[]): string | undefined {
  const doubts = speakers.map(({ doubt }) => doubt);
  return doubts.length === 0 || doubts.includes(undefined) ? undefined : [...new Set(doubts)].join("; ");
}

function isListenedTo(book: Book, listened: Listened, listing: Listing): boolean {
  const group = listened(book.policy);
  return group !== undefined && book.reaches(group, listing);
}

function harmText(key: string, event: KeyEvent): string | undefined {
  if (event.kind === "compromised") return `root calls ${key} compromised: ${event.reason}`;
  if (event.kind === "distrusted") return `${event.by.join(" and ")} distrusts ${key}: ${event.reason}`;
  return undefined;
}
