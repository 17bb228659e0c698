/**
 * Reviews as they count at each commit. A reviewer whose key was retired is still heard where old commits are judged,
 * and one whose key is compromised nowhere: the same standing as for signatures on commits.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Reviews } from "../history/review.ts";
import type { Standing } from "../history/standing.ts";
import type { Identities } from "../signature/identities.ts";
import { type ApprovalTerms, ReviewIndex, reviewsOf } from "./review-index.ts";
import type { VerifiedStatement } from "./verify.ts";

export class ReviewsInTime implements Reviews {
  private readonly statements: readonly VerifiedStatement[];
  private readonly ownerOf: Identities["ownerOf"];
  private readonly standing: Standing;
  private readonly terms: ApprovalTerms;
  /** By which signatures count: most commits of a history share one answer. */
  private readonly known = new Map<string, ReviewIndex>();
  /** Signatures whose weight depends on where the commit stands. */
  private readonly changing: boolean;

  constructor(
    statements: readonly VerifiedStatement[],
    identities: Pick<Identities, "ownerOf" | "lives">,
    standing: Standing,
    terms: ApprovalTerms,
  ) {
    this.statements = statements.filter(({ statement }) => statement.kind === "review");
    this.ownerOf = identities.ownerOf;
    this.standing = standing;
    this.terms = terms;
    this.changing = identities.lives.size > 0;
  }

  /** Every path that some review speaks of. */
  get paths(): ReadonlySet<string> {
    const paths = this.statements.flatMap(({ statement }) =>
      statement.kind === "review" ? statement.changes.map(({ path }) => path) : [],
    );
    return new Set(paths);
  }

  at(commit: CommitId): ReviewIndex {
    const weighed = this.changing ? this.weighed(commit) : this.statements;
    const key = this.changing ? countingKey(weighed) : "";
    const index = this.known.get(key) ?? new ReviewIndex(reviewsOf(weighed, this.ownerOf), this.terms);
    this.known.set(key, index);
    return index;
  }

  private weighed(commit: CommitId): VerifiedStatement[] {
    return this.statements.map((statement) => ({
      ...statement,
      outcomes: statement.outcomes.map((outcome) => this.standing.weigh(outcome, commit)),
    }));
  }
}

function countingKey(statements: readonly VerifiedStatement[]): string {
  return statements
    .map(({ outcomes }) => outcomes.map(({ valid }) => (valid ? "1" : "0")).join(""))
    .join(" ");
}
