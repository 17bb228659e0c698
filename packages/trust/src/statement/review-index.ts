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
import type { FileVersion, ReviewStatement } from "@firstmile/formats/statement/review";
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

/** A version after a change, with the SHA-256 of its content where the reader knows it. */
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

interface Opinion {
  readonly by: ReadonlySet<PrincipalName>;
  readonly sha256: string | undefined;
}

/** Each change of each review is entered once; a lookup costs as many steps as there are reviews of that change. */
export class ReviewIndex {
  readonly #approved = new Map<string, Opinion[]>();
  readonly #rejected = new Map<string, Opinion[]>();

  constructor(reviews: Iterable<SignedReview>, terms: ApprovalTerms) {
    for (const { review, by } of reviews) {
      if (review.verdict === "approve" && !counts(review, terms)) continue;
      for (const { path, before, after } of review.changes) {
        const opinion = { by, sha256: after?.sha256 };
        if (review.verdict === "approve") enter(this.#approved, changeKey(path, before, after), opinion);
        else enter(this.#rejected, resultKey(path, before, after), opinion);
      }
    }
  }

  /**
   * Who approved `path` (Latin-1) going from `before` to `after`. With `sha256` given, only who read that very
   * content: Git's SHA-1 can be made to name two.
   */
  approvals(
    path: string,
    before: FileVersion | undefined,
    after: ResultVersion | undefined,
  ): ReadonlySet<PrincipalName> {
    const opinions = this.#approved.get(changeKey(path, before, after)) ?? [];
    const wanted = after?.sha256;
    return people(opinions.filter(({ sha256 }) => wanted === undefined || sha256 === wanted));
  }

  /** Who rejected `after` at `path`, wherever from; who rejected taking `before` away, where there is no `after`. */
  rejections(
    path: string,
    before: FileVersion | undefined,
    after: FileVersion | undefined,
  ): ReadonlySet<PrincipalName> {
    return people(this.#rejected.get(resultKey(path, before, after)) ?? []);
  }
}

function counts({ source, machine, depth }: ReviewStatement, terms: ApprovalTerms): boolean {
  if (source !== undefined && terms.source !== undefined && source !== terms.source) return false;
  return (terms.machine || !machine) && (terms.skimmed || depth !== "skimmed");
}

function enter(map: Map<string, Opinion[]>, key: string, opinion: Opinion): void {
  const entered = map.get(key);
  if (entered) entered.push(opinion);
  else map.set(key, [opinion]);
}

function people(opinions: readonly Opinion[]): ReadonlySet<PrincipalName> {
  return new Set(opinions.flatMap(({ by }) => [...by]));
}

/** No path holds a NUL. */
function changeKey(path: string, before: FileVersion | undefined, after: FileVersion | undefined): string {
  return `${path}\0${versionKey(before)}\0${versionKey(after)}`;
}

/** A removal is rejected for what it removes: else one no would forbid every later removal at that path. */
function resultKey(path: string, before: FileVersion | undefined, after: FileVersion | undefined): string {
  return after === undefined ? changeKey(path, before, undefined) : `${path}\0${versionKey(after)}`;
}

function versionKey(version: FileVersion | undefined): string {
  return version === undefined ? "-" : `${version.mode.toString(8)} ${version.id}`;
}
