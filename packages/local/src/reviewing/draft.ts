/**
 * A review as statements: one, or as many as its limits ask for. Each can be read by itself, and together they name
 * every path of the change, and every directory that was shown, once.
 */

import type { StatedNames } from "@firstmile/formats/statement/names";
import type { ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import { MAX_STATEMENT, parseStatement, renderStatement } from "@firstmile/formats/statement/statement";

/** Paths of one statement (spec/statements.md). */
const MAX_CHANGES = 10_000;

export type SaidOfReview = Omit<ReviewStatement, "kind" | "changes" | "names">;

/** Throws `FormatError` for what no statement can say: a note with control characters, a path over the limit. */
export function draftReviews(
  said: SaidOfReview,
  changes: readonly ReviewedChange[],
  names: readonly StatedNames[] = [],
): ReviewStatement[] {
  const plain: ReviewStatement = { kind: "review", ...said, changes };
  const whole = names.length === 0 ? plain : { ...plain, names };
  const most = Math.max(changes.length, names.length);
  const payload = most <= MAX_CHANGES ? renderStatement(whole) : undefined;
  if (payload && (payload.length <= MAX_STATEMENT || changes.length + names.length === 1)) {
    parseStatement(payload);
    return [whole];
  }
  // By kind first: what is one statement's worth of changes may be one with names beside them no more.
  if (changes.length > 0 && names.length > 0)
    return [...draftReviews(said, changes), ...draftReviews(said, [], names)];
  const [half, other] = [halves(changes), halves(names)];
  return [0, 1].flatMap((i) => draftReviews(said, half[i]!, other[i]!));
}

function halves<T>(items: readonly T[]): [readonly T[], readonly T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
