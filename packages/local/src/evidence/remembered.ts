/**
 * What this machine authenticated before under the same rules, and when that may be built upon.
 *
 * Where rules ask for reviews, a commit is judged as part of the line that leads to a tip, and who took part in a
 * range is looked up in all of it. So then only one tip is remembered, with all that it reaches, and only a tip whose
 * own line leads to that one builds upon it; everything else is looked at anew.
 */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Authenticated } from "@firstmile/trust/history/accepted";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import type { CommitTable } from "@firstmile/trust/history/commit-table";
import { asksForReviews, type TakenBack } from "@firstmile/trust/history/review";
import type { Source } from "@firstmile/trust/policy/policy";
import { takesBumps } from "@firstmile/trust/slice/bumped";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import {
  AuthenticatedCommits,
  type CacheKey,
  loadAuthenticated,
  saveAuthenticated,
} from "../state/authenticated-cache.ts";
import type { HistoryQuestion } from "./history.ts";

export class Remembered {
  private readonly question: HistoryQuestion;
  private readonly key: CacheKey;
  private readonly commits: AuthenticatedCommits;

  private constructor(question: HistoryQuestion, key: CacheKey, commits: AuthenticatedCommits) {
    this.question = question;
    this.key = key;
    this.commits = commits;
  }

  static load(question: HistoryQuestion, statements: readonly VerifiedStatement[]): Remembered {
    const key = keyOf(question, statements);
    const { cacheDir, now } = question;
    const commits =
      cacheDir === undefined ? AuthenticatedCommits.none : loadAuthenticated(cacheDir, key, now);
    return new Remembered(question, key, commits);
  }

  /** What passed unread on the way to the remembered tip, since a rule lets changes be taken back. */
  get takenBack(): readonly TakenBack[] {
    return this.commits.takenBack;
  }

  /** As if nothing were. */
  forgotten(): Remembered {
    return new Remembered(this.question, this.key, AuthenticatedCommits.none);
  }

  get size(): number {
    return this.commits.size;
  }

  get validUntil(): number | undefined {
    return this.commits.validUntil;
  }

  /**
   * Where listing may stop: at tips that were allowed, and only where all that they reach is remembered too, or else a
   * branch off a side branch would seem to have lost its parents.
   */
  get stops(): readonly CommitId[] {
    return this.question.source.authenticate === "every-commit" ? this.commits.tips : [];
  }

  /** A tip that was allowed, and whose tree was read to its last directory for that. */
  get wholeTip(): CommitId | undefined {
    const { goodlist } = this.question.source;
    return this.question.commitsAlone ? undefined : this.commits.tips.findLast((id) => !goodlist.has(id));
  }

  has(id: CommitId): boolean {
    return this.commits.has(id);
  }

  hasAt(ids: Uint8Array, at: number): boolean {
    return this.commits.hasAt(ids, at);
  }

  isIntroduced(id: CommitId): boolean {
    return this.commits.isIntroduced(id);
  }

  /** Of those, commits that have no ancestor in common with the introduction; undefined where there are none. */
  get isForeign(): ((id: CommitId) => boolean) | undefined {
    return this.commits.hasForeign ? (id) => this.commits.isForeign(id) : undefined;
  }

  /** Whether the tip was allowed before, so that nothing has to be looked at. */
  covers(tip: CommitId): boolean {
    return this.alongLine ? this.commits.tips.includes(tip) : this.commits.isIntroduced(tip);
  }

  /** Whether what is remembered may be built upon for this tip, given the commits that are new. */
  leadsTo(commits: CommitTable, tip: CommitId): boolean {
    if (!this.alongLine || this.commits.size === 0) return true;
    // One range from the introduction to the tip: whoever had a part in what is remembered had a part in it too.
    if (this.question.source.authenticate === "tip") return false;
    const seen = new Set<number>();
    let row = commits.row(tip);
    while (row >= 0 && commits.holds(row) && !seen.has(row)) {
      seen.add(row);
      row = commits.parentCount(row) > 0 ? commits.parentRow(row, 0) : -1;
    }
    return row >= 0 && this.commits.tips.includes(commits.idAt(row));
  }

  /** Whether a denial may come of having looked only at what is new. */
  mayHide({ denied }: HistoryVerdict): boolean {
    return this.commits.size > 0 && denied.some(({ code }) => code === "not-reviewed");
  }

  remember(part: Authenticated, { allowed, commit, validUntil, takenBack = [] }: HistoryVerdict): void {
    const { cacheDir, source } = this.question;
    if (cacheDir === undefined || part.size === 0) return;
    const width = source.introduction.commit.length / 2;
    const before = this.alongLine ? this.commits.withoutTips() : this.commits;
    const known = before.with(part, allowed ? commit : undefined, validUntil, width);
    saveAuthenticated(cacheDir, this.key, known.telling(takenBack));
  }

  private get alongLine(): boolean {
    return asksForReviews(this.question.source);
  }
}

function keyOf(
  { policy, source, commitsAlone }: HistoryQuestion,
  statements: readonly VerifiedStatement[],
): CacheKey {
  return {
    policyDigest: policy.digest,
    source: source.name,
    mode: commitsAlone ? `${source.authenticate}, commits alone` : source.authenticate,
    introduction: source.introduction.commit,
    against: rejections(statements, source),
  };
}

/**
 * A rejection can come later than what it rejects, and so can its signer: with another set of them, nothing that was
 * allowed is sure. What only strangers signed is left out, or they could have everything looked at anew for ever.
 */
function rejections(statements: readonly VerifiedStatement[], source: Source): string {
  const bumpsPass = takesBumps(source);
  const said = statements.flatMap(({ statement, digest, outcomes }) => {
    const isRejection = statement.kind === "review" && statement.verdict === "reject";
    // A warden's word against a source ends what was let pass as a bump to it.
    if (!isRejection && !(bumpsPass && statement.kind === "distrust")) return [];
    const good = outcomes.flatMap((outcome) => (outcome.valid ? outcome : (outcome.lapsed ?? [])));
    return good.map(({ key, signingKey }) => `${digest} ${key} ${signingKey}`);
  });
  return createHash("sha256")
    .update([...new Set(said)].sort().join("\n"))
    .digest("hex");
}
