/**
 * A review as statements: one, or as many as its limits ask for. Each can be read by itself, and together they name
 * every path of the change once.
 */
import type { ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import { MAX_STATEMENT, parseStatement, renderStatement } from "@firstmile/formats/statement/statement";

/** Paths of one statement (spec/statements.md). */
const MAX_CHANGES = 10_000;

export type SaidOfReview = Omit<ReviewStatement, "kind" | "changes">;

/** Throws `FormatError` for what no statement can say: a note with control characters, a path over the limit. */
export function draftReviews(said: SaidOfReview, changes: readonly ReviewedChange[]): ReviewStatement[] {
  const whole: ReviewStatement = { kind: "review", ...said, changes };
  const payload = changes.length <= MAX_CHANGES ? renderStatement(whole) : undefined;
  if (payload && (payload.length <= MAX_STATEMENT || changes.length === 1)) {
    parseStatement(payload);
    return [whole];
  }
  const middle = Math.ceil(changes.length / 2);
  return [changes.slice(0, middle), changes.slice(middle)].flatMap((half) => draftReviews(said, half));
}
