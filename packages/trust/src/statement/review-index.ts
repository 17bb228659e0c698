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
import type { PrincipalName, SourceName } from "../policy/names.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { VerifiedStatement } from "./verify.ts";

export interface SignedReview {
  readonly review: ReviewStatement;
  readonly by: ReadonlySet<PrincipalName>;
}

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

/** Reviews among verified statements, each with the people behind its valid signatures. */
export function reviewsOf(
  statements: Iterable<VerifiedStatement>,
  ownerOf: Identities["ownerOf"],
): SignedReview[] {
  return [...statements].flatMap(({ statement, outcomes }) => {
    if (statement.kind !== "review") return [];
    const by = peopleBehind(outcomes, ownerOf);
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
  readonly #rejected = new Map<string, Set<PrincipalName>>();

  constructor(reviews: Iterable<SignedReview>, terms: ApprovalTerms) {
    for (const { review, by } of reviews) {
      if (review.verdict === "approve" && !counts(review, terms)) continue;
      for (const change of review.changes) {
        if (review.verdict === "approve") this.#approve(change, by);
        else enter(this.#rejected, resultKey(change.path, change.before, change.after), by);
      }
    }
  }

  #approve({ path, before, after }: ReviewedChange, by: ReadonlySet<PrincipalName>): void {
    const from = `${path}\0${versionKey(before)}`;
    const ends = this.#approved.get(from) ?? new Map<string, Readers>();
    this.#approved.set(from, ends);
    const readers: Readers = ends.get(versionKey(after)) ?? new Map();
    ends.set(versionKey(after), readers);
    const key = before?.sha256 === undefined ? (after?.sha256 ?? "") : `${before.sha256} ${after?.sha256}`;
    const read = readers.get(key) ?? { before: before?.sha256, after: after?.sha256, by: new Set() };
    for (const name of by) read.by.add(name);
    readers.set(key, read);
  }

  /** Whether anybody approved `path` going from `before` to something else. */
  isReadFrom(path: string, before: FileVersion | undefined): boolean {
    return this.#approved.has(`${path}\0${versionKey(before)}`);
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

  /** Who rejected `after` at `path`, wherever from; who rejected taking `before` away, where there is no `after`. */
  rejections(
    path: string,
    before: FileVersion | undefined,
    after: FileVersion | undefined,
  ): ReadonlySet<PrincipalName> {
    return this.#rejected.get(resultKey(path, before, after)) ?? NOBODY;
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

function enter(map: Map<string, Set<PrincipalName>>, key: string, by: ReadonlySet<PrincipalName>): void {
  const entered = map.get(key) ?? new Set();
  for (const name of by) entered.add(name);
  map.set(key, entered);
}

/** No path holds a NUL. A removal is rejected for what it removes: else one no would forbid every later removal at that path. */
function resultKey(path: string, before: FileVersion | undefined, after: FileVersion | undefined): string {
  return after === undefined ? `${path}\0${versionKey(before)}\0-` : `${path}\0${versionKey(after)}`;
}

function versionKey(version: FileVersion | undefined): string {
  return version === undefined ? "-" : `${version.mode.toString(8)} ${version.id}`;
}
