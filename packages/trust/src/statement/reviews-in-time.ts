/**
 * Reviews as they count at each commit. A reviewer whose key was retired is still heard where old commits are judged,
 * and one whose key is compromised nowhere: the same standing as for signatures on commits.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ReviewStatement } from "@firstmile/formats/statement/review";
import type { Reviews } from "../history/review.ts";
import type { Standing } from "../history/standing.ts";
import type { Identities } from "../signature/identities.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import { type ApprovalTerms, ReviewIndex, reviewsOf, type SignedReview } from "./review-index.ts";
import type { VerifiedStatement } from "./verify.ts";

export class ReviewsInTime implements Reviews {
  private readonly statements: readonly ReviewStatementSigned[];
  private readonly ownerOf: Identities["ownerOf"];
  private readonly standing: Standing;
  private readonly terms: ApprovalTerms;
  /** By which signatures count: most commits of a history share one answer. */
  private readonly known = new Map<string, ReviewIndex>();
  private readonly ofCommit = new Map<CommitId, ReviewIndex>();
  /** Signatures whose weight depends on where the commit stands: one by each key tells of all by that key. */
  private readonly changing: readonly SignatureOutcome[];

  constructor(
    statements: readonly VerifiedStatement[],
    identities: Pick<Identities, "ownerOf" | "lives">,
    standing: Standing,
    terms: ApprovalTerms,
  ) {
    this.statements = statements.filter(isReview);
    this.ownerOf = identities.ownerOf;
    this.standing = standing;
    this.terms = terms;
    this.changing = changingAmong(this.statements, identities.lives);
  }

  /** Every path that some review speaks of. */
  get paths(): ReadonlySet<string> {
    return new Set(this.statements.flatMap(({ statement }) => statement.changes.map(({ path }) => path)));
  }

  /** Those where some review gives the SHA-256 of what was there before. */
  get pathsFrom(): ReadonlySet<string> {
    const named = this.statements.flatMap(({ statement }) => statement.changes);
    return new Set(named.flatMap(({ path, before }) => (before?.sha256 === undefined ? [] : [path])));
  }

  /** Unix seconds at which the first key behind a review expires; undefined where none does. */
  get validUntil(): number | undefined {
    let first = Number.POSITIVE_INFINITY;
    for (const { outcomes } of this.statements) {
      for (const outcome of outcomes) if (outcome.valid) first = Math.min(first, outcome.validUntil ?? first);
    }
    return Number.isFinite(first) ? first : undefined;
  }

  at(commit: CommitId): ReviewIndex {
    const asked = this.ofCommit.get(commit);
    if (asked) return asked;
    const key = this.changing.map((one) => (this.standing.weigh(one, commit).valid ? "1" : "0")).join("");
    const index = this.known.get(key) ?? new ReviewIndex(this.weighed(commit), this.terms);
    this.known.set(key, index);
    this.ofCommit.set(commit, index);
    return index;
  }

  private weighed(commit: CommitId): SignedReview[] {
    const weighed = this.statements.map((statement) => ({
      ...statement,
      outcomes: statement.outcomes.map((outcome) => this.standing.weigh(outcome, commit, statement.digest)),
    }));
    return reviewsOf(weighed, this.ownerOf);
  }
}

type ReviewStatementSigned = VerifiedStatement<ReviewStatement>;

function isReview(verified: VerifiedStatement): verified is ReviewStatementSigned {
  return verified.statement.kind === "review";
}

function changingAmong(
  statements: readonly ReviewStatementSigned[],
  lives: Identities["lives"],
): SignatureOutcome[] {
  const found = new Map<string, SignatureOutcome>();
  for (const outcome of statements.flatMap(({ outcomes }) => outcomes)) {
    const good = outcome.valid ? outcome : outcome.lapsed;
    if (good && (lives.has(good.key) || lives.has(good.signingKey)))
      found.set(`${good.key} ${good.signingKey} ${outcome.valid}`, outcome);
  }
  return [...found.values()];
}
