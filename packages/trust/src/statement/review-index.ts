/**
 * Who approved and who rejected a change, looked up by its content.
 *
 * Claims: an approval counts for exactly the change that was read: this path from this version to that one. A
 * rejection counts wider: the content after it is rejected at that path from whichever version one comes to it, or a
 * change of an unrelated line first would get round it.
 * There is no trusted time, so nobody knows which of two statements is the later one, and whoever carries them may
 * leave the later one out. Hence a rejection is not taken back by an approval of the same person: it stands until the
 * content changes or root accepts the commit in spite of it. Against: a reviewer's no that is drowned in others' yes.
 * Leaves out: who may review; a rule's group is compared with these sets elsewhere.
 */
import type { FileVersion, ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import { type Spoken, spokenOf } from "../hearing/words.ts";
import type { PrincipalName, SourceName } from "../policy/names.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { VerifiedStatement } from "./verify.ts";

export interface SignedReview {
  readonly review: ReviewStatement;
  /** People of today's rules. */
  readonly by: ReadonlySet<PrincipalName>;
  /** Those of them whose only keys on it root has retired since. */
  readonly retired?: ReadonlySet<PrincipalName>;
  /** Of a rejection: its good signatures, also by keys that the rules of today do not list. */
  readonly spoken?: readonly Spoken[];
}

/** What is said against a content. */
export type Rejected = Pick<SignedReview, "by" | "spoken">;

/** Which approvals count. Rejections all do. */
export interface ApprovalTerms {
  /** A review that names another source does not count; one that names none does. */
  readonly source: SourceName | undefined;
  /** Whether one that a machine made counts for the person who signed it. */
  readonly machine: boolean;
  /** Whether one counts whose reader only looked the change over. */
  readonly skimmed: boolean;
}

/** A version before or after a change, with the SHA-256 of its content where the reader knows it. */
export interface ResultVersion extends FileVersion {
  readonly sha256?: string | undefined;
}

/**
 * Reviews among verified statements, each with the people behind it: of an approval by its valid signatures, of a
 * rejection by all good ones, since time and housekeeping end no word against something.
 */
export function reviewsOf(
  statements: Iterable<VerifiedStatement>,
  ownerOf: Identities["ownerOf"],
): SignedReview[] {
  return [...statements].flatMap((verified): SignedReview[] => {
    const { statement, outcomes } = verified;
    if (statement.kind !== "review") return [];
    if (statement.verdict === "reject") {
      const spoken = spokenOf(verified);
      const today = spoken.filter(({ books }) => books === undefined);
      const by = new Set(today.flatMap(({ key }) => ownerOf.get(key) ?? []));
      return spoken.length > 0 ? [{ review: statement, by, spoken }] : [];
    }
    const by = peopleBehind(outcomes, ownerOf);
    if (by.size === 0) return [];
    const current = outcomes.filter((outcome) => outcome.valid && !outcome.retired);
    const retired = by.difference(peopleBehind(current, ownerOf));
    return [{ review: statement, by, ...(retired.size > 0 && { retired }) }];
  });
}

/** Approvals by people of today's rules whose keys root has retired, where nothing vouches for them. */
export function lapsedReviews(
  statements: Iterable<VerifiedStatement>,
  ownerOf: Identities["ownerOf"],
): SignedReview[] {
  return [...statements].flatMap(({ statement, outcomes }) => {
    if (statement.kind !== "review" || statement.verdict !== "approve") return [];
    const retired = outcomes.flatMap((one) =>
      !one.valid && one.code === "retired-key" ? (one.key ?? []) : [],
    );
    const by = new Set(retired.flatMap((key) => ownerOf.get(key) ?? []));
    return by.size > 0 ? [{ review: statement, by }] : [];
  });
}

/** Who read which contents, by their SHA-256; undefined where the statement has none. */
interface Read {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly by: Set<PrincipalName>;
}
type Readers = Map<string, Read>;

/** Each change of each review is entered once; a lookup costs as many steps as there are people who reviewed that change. */
export class ReviewIndex {
  /** By where a change begins, and then by where it ends. */
  readonly #approved = new Map<string, Map<string, Readers>>();
  /** Where approved changes end. */
  readonly #ends = new Set<string>();
  readonly #rejected = new Map<string, Rejected[]>();

  constructor(reviews: Iterable<SignedReview>, terms: ApprovalTerms) {
    for (const { review, by, spoken } of reviews) {
      if (review.verdict === "approve" && !counts(review, terms)) continue;
      for (const change of review.changes) {
        if (review.verdict === "approve") this.#approve(change, by);
        else this.#reject(change, { by, ...(spoken && { spoken }) });
      }
    }
  }

  #approve({ path, before, after }: ReviewedChange, by: ReadonlySet<PrincipalName>): void {
    const from = `${path}\0${versionKey(before)}`;
    const ends = this.#approved.get(from) ?? new Map<string, Readers>();
    this.#approved.set(from, ends);
    this.#ends.add(`${path}\0${versionKey(after)}`);
    const readers: Readers = ends.get(versionKey(after)) ?? new Map();
    ends.set(versionKey(after), readers);
    const key = before?.sha256 === undefined ? (after?.sha256 ?? "") : `${before.sha256} ${after?.sha256}`;
    const read = readers.get(key) ?? { before: before?.sha256, after: after?.sha256, by: new Set() };
    for (const name of by) read.by.add(name);
    readers.set(key, read);
  }

  #reject({ path, before, after }: ReviewedChange, rejected: Rejected): void {
    const key = resultKey(path, before, after);
    const known = this.#rejected.get(key);
    if (known) known.push(rejected);
    else this.#rejected.set(key, [rejected]);
  }

  /** Whether anybody approved `path` going from `before` to something else. */
  isReadFrom(path: string, before: FileVersion | undefined): boolean {
    return this.#approved.has(`${path}\0${versionKey(before)}`);
  }

  /** Whether any person approved a change of `path` that ends with this version; undefined: with its removal. */
  isReadTo(path: string, version: FileVersion | undefined): boolean {
    return this.#ends.has(`${path}\0${versionKey(version)}`);
  }

  /**
   * Who approved `path` (Latin-1) going from `before` to `after`. With `sha256` given, only who read that very
   * content: Git's SHA-1 can be made to name two. Of a version before, a review need not give it.
   */
  approvals(
    path: string,
    before: ResultVersion | undefined,
    after: ResultVersion | undefined,
  ): ReadonlySet<PrincipalName> {
    const readers = this.#approved.get(`${path}\0${versionKey(before)}`)?.get(versionKey(after));
    if (readers === undefined) return NOBODY;
    const [first, ...others] = readers.values();
    if (others.length === 0) return first !== undefined && isOf(first, before, after) ? first.by : NOBODY;
    const fitting = [first!, ...others].filter((read) => isOf(read, before, after));
    return new Set(fitting.flatMap(({ by }) => [...by]));
  }

  /** People of today's rules who rejected `after` at `path`, as `against` has it. */
  rejections(
    path: string,
    before: FileVersion | undefined,
    after: FileVersion | undefined,
  ): ReadonlySet<PrincipalName> {
    return new Set(this.against(path, before, after).flatMap(({ by }) => [...by]));
  }

  /**
   * What is said against `after` at `path`, wherever one comes from and whatever its mode; against taking `before` away,
   * where there is no `after`.
   */
  against(
    path: string,
    before: FileVersion | undefined,
    after: FileVersion | undefined,
  ): readonly Rejected[] {
    return this.#rejected.get(resultKey(path, before, after)) ?? [];
  }
}

function isOf(read: Read, before: ResultVersion | undefined, after: ResultVersion | undefined): boolean {
  if (after?.sha256 !== undefined && read.after !== after.sha256) return false;
  return before?.sha256 === undefined || read.before === undefined || read.before === before.sha256;
}

function counts({ source, machine, depth }: ReviewStatement, terms: ApprovalTerms): boolean {
  if (source !== undefined && terms.source !== undefined && source !== terms.source) return false;
  return (terms.machine || !machine) && (terms.skimmed || depth !== "skimmed");
}

const NOBODY: ReadonlySet<PrincipalName> = new Set();

/**
 * By Git's id alone: making a rejected file executable makes no other content of it. No path holds a NUL. A removal is
 * rejected for what it removes: else one no would forbid every later removal at that path.
 */
function resultKey(path: string, before: FileVersion | undefined, after: FileVersion | undefined): string {
  return after === undefined ? `${path}\0${before?.id ?? "-"}\0-` : `${path}\0${after.id}`;
}

function versionKey(version: FileVersion | undefined): string {
  return version === undefined ? "-" : `${version.mode.toString(8)} ${version.id}`;
}
