/**
 * Authenticates a source's history on this machine: lists what is new, checks it, reads the contents that rules ask
 * for, has it judged, and remembers what passed. It decides nothing itself: `@firstmile/trust/history` does.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { BumpJudge } from "@firstmile/trust/handoff/bump";
import { handoffsOf } from "@firstmile/trust/handoff/decide";
import { authenticatedPart } from "@firstmile/trust/history/accepted";
import {
  authenticate,
  type Contents,
  type Docket,
  type History,
  type HistoryVerdict,
  openDocket,
} from "@firstmile/trust/history/authenticate";
import { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import { foreignCommits } from "@firstmile/trust/history/foreign";
import { reachableRows } from "@firstmile/trust/history/graph";
import type { DeniedCommit } from "@firstmile/trust/history/judge";
import { asksForReviews } from "@firstmile/trust/history/review";
import { followedParents } from "@firstmile/trust/history/shape";
import { Standing } from "@firstmile/trust/history/standing";
import { isBlind, unreadableCommit } from "@firstmile/trust/history/unreadable";
import { certificateNotes } from "@firstmile/trust/openpgp/notes";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { type Identities, identitiesOf } from "@firstmile/trust/signature/identities";
import { takesBumps } from "@firstmile/trust/slice/bumped";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { ReviewsInTime } from "@firstmile/trust/statement/reviews-in-time";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { type NeutralGit, neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { listIds } from "../git/rev-list.ts";
import type { StatementPlace } from "../statements/place.ts";
import { unreadableReason } from "../statements/unread.ts";
import { type CheckedCommits, CommitCheckers, checkCommits } from "./check-commits.ts";
import { gatherCosignatures } from "./cosignatures.ts";
import { distrustedFiles } from "./distrusted-files.ts";
import { electorateNow } from "./electorate.ts";
import { corruptCommit, introductionFault } from "./introduction.ts";
import { ChangeReader } from "./own-changes.ts";
import { reachOf } from "./reach.ts";
import { Remembered } from "./remembered.ts";
import { StepReader } from "./review-steps.ts";
import { heardStatements } from "./statements.ts";

export interface HistoryQuestion {
  /** Path of a Git repository that has the history. */
  readonly repository: string;
  readonly tip: CommitId;
  /** With its imports resolved. */
  readonly policy: Policy;
  readonly source: Source;
  /** Unix seconds. */
  readonly now: number;
  /** Where to remember what was authenticated; undefined: look at everything. */
  readonly cacheDir: string | undefined;
  /** Where statements are, beside the repository itself. */
  readonly statements?: readonly StatementPlace[];
  /** The repository has commits alone, which was asked for because the rules need no more. */
  readonly commitsAlone?: boolean;
  readonly progress?: (done: number, total: number) => void;
}

export interface AnsweredHistory extends HistoryVerdict {
  /** Places whose statements could not all be read. */
  readonly incomplete: readonly string[];
  /** What else a person should read, also where the answer was remembered. Absent: nothing. */
  readonly notes?: readonly string[];
}

/** The verdict on `tip` by the rules of `source`. Throws `RepositoryError` where the repository cannot be read. */
export async function authenticateHistory(question: HistoryQuestion): Promise<AnsweredHistory> {
  if (question.source.authenticate === "slice") return { ...noHistory(question), incomplete: [] };
  const { statements, incomplete, broken } = await statementsOf(question);
  const unreadable = unreadableReason(broken);
  if (unreadable) return { ...unheardHistory(question, unreadable), incomplete };
  const notes = certificateNotes(electorateNow(question.policy, question.now).policy);
  const unread = new Set(incomplete);
  const verdict = await judgedHistory(question, statements, (place) => unread.add(place));
  return { ...verdict, incomplete: [...unread], ...(notes.length > 0 ? { notes } : {}) };
}

async function judgedHistory(
  question: HistoryQuestion,
  statements: readonly VerifiedStatement[],
  unread: (place: string) => void,
): Promise<HistoryVerdict> {
  const git = await neutralGit(question.repository);
  try {
    const distrust = new Distrust(electorateNow(question.policy, question.now).policy, statements);
    const policy = distrust.applied(question.policy);
    const verdict = await judged({ ...question, policy }, git, statements, unread);
    const told = new Set(verdict.denied.filter(({ code }) => isBlind(code)).map(({ commit }) => commit));
    const found = await distrustedFiles(git, question.tip, distrust);
    const against = found.filter(({ code, commit }) => !isBlind(code) || !told.has(commit));
    if (against.length === 0) return verdict;
    return { ...verdict, allowed: false, denied: [...against, ...verdict.denied] };
  } finally {
    git.dispose();
  }
}

async function judged(
  question: HistoryQuestion,
  git: NeutralGit,
  statements: readonly VerifiedStatement[],
  unread: (place: string) => void,
): Promise<HistoryVerdict> {
  const known = Remembered.load(question, statements);
  if (known.covers(question.tip)) return alreadyKnown(question, known);
  const run = new HistoryRun(question, git, known, statements, unread);
  const verdict = await run.verdict();
  // What is remembered does not lead to this tip in the one way that reviews are asked along, or what lacks a review
  // may have been read as one with what is remembered: no order of questions must change an answer.
  if (verdict && !known.mayHide(verdict)) return verdict;
  return (await new HistoryRun(question, git, known.forgotten(), statements, unread).verdict())!;
}

/** What no commit is asked for can be read in none: whoever asks all the same must not hear yes. */
function noHistory({ source, tip }: HistoryQuestion): HistoryVerdict {
  const denied: DeniedCommit = {
    commit: tip,
    code: "not-in-role",
    message: `is of source ${source.name}, whose rules judge the files that an evaluation reads, and no commits`,
    remedy: `firstmile slice ${source.name} ${tip.slice(0, 12)} -A ATTR`,
  };
  return deniedAtOnce(source, denied);
}

/** A rejection or a distrust may be in what cannot be read. Nothing is judged, so nothing is remembered. */
function unheardHistory({ source, tip }: HistoryQuestion, { message, remedy }: Reason): HistoryVerdict {
  const denied: DeniedCommit = { commit: tip, code: "evidence-unreadable", message };
  return deniedAtOnce(source, remedy === undefined ? denied : { ...denied, remedy });
}

function deniedAtOnce({ name: source }: Source, denied: DeniedCommit): HistoryVerdict {
  const nothing = { checked: 0, goodlisted: [], validUntil: undefined };
  return { allowed: false, source, commit: denied.commit, denied: [denied], ...nothing };
}

function statementsOf({ repository, policy, statements = [], now }: HistoryQuestion) {
  // Whoever is certified now reviews with keys that the policy itself does not list.
  const { policy: filled } = electorateNow(policy, now);
  return heardStatements(filled, [{ kind: "ref", repository }, ...statements], now);
}

function alreadyKnown(
  { source, tip }: HistoryQuestion,
  { validUntil, takenBack }: Remembered,
): HistoryVerdict {
  return {
    allowed: true,
    source: source.name,
    commit: tip,
    checked: 0,
    denied: [],
    goodlisted: [],
    ...(takenBack.length > 0 ? { takenBack } : {}),
    validUntil,
  };
}

class HistoryRun {
  private readonly question: HistoryQuestion;
  private readonly policy: Policy;
  /** Until when those who are certified now still are. */
  private readonly certifiedUntil: number | undefined;
  private readonly identities: Identities;
  private readonly git: NeutralGit;
  private readonly known: Remembered;
  private readonly statements: readonly VerifiedStatement[];
  private readonly introduction: CommitId;
  private readonly unread: (place: string) => void;
  /** Undefined where no rule lets a bump pass, or nothing was handed on. */
  private readonly bumps: BumpJudge | undefined;

  constructor(
    question: HistoryQuestion,
    git: NeutralGit,
    known: Remembered,
    statements: readonly VerifiedStatement[],
    unread: (place: string) => void,
  ) {
    this.unread = unread;
    const { policy, validUntil } = electorateNow(question.policy, question.now);
    // Its rules hold groups too, which are filled in with the rest.
    this.question = { ...question, source: policy.sources.get(question.source.name)! };
    this.policy = policy;
    this.certifiedUntil = validUntil;
    this.identities = identitiesOf(policy);
    this.git = git;
    this.known = known;
    this.statements = statements;
    this.introduction = question.source.introduction.commit as string as CommitId;
    this.bumps = this.bumpJudge(this.question);
  }

  /** Undefined: what is remembered cannot be built upon for this tip. */
  async verdict(): Promise<HistoryVerdict | undefined> {
    const { source, tip } = this.question;
    const checked = await this.check();
    if (!this.known.leadsTo(checked.table, tip)) return undefined;
    const history = await this.history(checked);
    const docket = openDocket(this.policy, source, this.identities, history);
    const contents = await this.contents(docket);
    const verdict = await this.readable(checked.table, authenticate(this.policy, source, docket, contents));
    const read = docket.line.length > 0 ? contents.reviews.validUntil : undefined;
    const ends = [
      verdict.validUntil,
      this.known.validUntil,
      this.certifiedUntil,
      read,
      this.bumps?.validUntil,
    ];
    const validUntil = earliest(ends);
    const fault = await this.introductionFault();
    if (fault) return { ...verdict, validUntil, allowed: false, denied: [fault, ...verdict.denied] };
    const attacks = [...checked.attacks].map(([id, problem]) => corruptCommit(id, problem));
    if (attacks.length > 0)
      return { ...verdict, validUntil, allowed: false, denied: [...attacks, ...verdict.denied] };
    const takenBack = [...(verdict.takenBack ?? []), ...this.known.takenBack];
    const whole = { ...verdict, ...(takenBack.length > 0 ? { takenBack } : {}), validUntil };
    this.known.remember(authenticatedPart(source, docket, whole), whole);
    return whole;
  }

  private async check(): Promise<CheckedCommits> {
    const { now, progress, source, tip } = this.question;
    const people = asksForReviews(source);
    // Threads need the keys of today alone; former rules may be many.
    const { past: _, ...policy } = this.policy;
    const job = { env: this.git.env, policy, now, people };
    const listing = () =>
      listIds(this.git, [tip], [this.introduction, ...this.known.stops], {
        firstParent: followedParents(source) === 1,
        skip: (ids, at) => this.known.hasAt(ids, at),
      });
    if (source.authenticate === "tip" && !people) return tipOnly(job, tip, listing);
    await using checkers = new CommitCheckers(job);
    if (this.known.size === 0) checkers.expectMany();
    return await checkers.check(listing(), (done, listed) => progress?.(done, listed));
  }

  private async history(checked: CheckedCommits): Promise<History> {
    const { tip, now, repository } = this.question;
    const unusable = new Map([...checked.corrupt].map(([id, problem]) => [id, corruptCommit(id, problem)]));
    const before = await this.beforeTheIntroduction(checked.table);
    const commits = withoutThose(checked.table, before);
    const isIntroduced = (id: CommitId) => id === this.introduction || this.known.isIntroduced(id);
    const isAccepted = (id: CommitId) => isIntroduced(id) || this.known.has(id) || before(id);
    const isForeign = foreignCommits(commits, { isAccepted, isKnownForeign: this.known.isForeign });
    const { keys } = this.identities;
    const { git, statements, unread } = this;
    const evidence = { repository, git, commits, keys, statements, now, unread };
    const cosignatures = await gatherCosignatures(evidence);
    const isReached = await reachOf(this.git, commits, this.identities.lives);
    const isBefore = (id: CommitId) => id === this.introduction || before(id);
    const life = { isAccepted, isBefore, isIntroduced, isForeign };
    return { tip, commits, unusable, ...life, cosignatures, isReached };
  }

  /**
   * Ancestors of the introduction, proven by walking the commits themselves; walked only where the tip, or a parent of
   * a new commit, is neither new nor known, which is where a branch began before the introduction; or where a commit that
   * was listed has no parents. Where dates are wrong, `git rev-list` also lists some ancestors of the introduction, and from
   * each of these one way leads to such an end.
   */
  private async beforeTheIntroduction(commits: CommitTable): Promise<(id: CommitId) => boolean> {
    if (!this.hasLooseEnds(commits)) return NONE;
    const listed = listIds(this.git, [this.introduction], []);
    const { table } = await checkCommits({ env: this.git.env, policy: undefined, now: 0 }, listed);
    const within = reachableRows(table, [table.row(this.introduction)]);
    return (id) => within[table.row(id)] === 1;
  }

  private hasLooseEnds(commits: CommitTable): boolean {
    const isLoose = (row: number) => {
      const id = commits.idAt(row);
      return id !== this.introduction && !commits.holds(row) && !this.known.has(id);
    };
    const tip = commits.row(this.question.tip);
    if (tip < 0 || isLoose(tip)) return true;
    const followed = followedParents(this.question.source);
    for (const row of commits.childrenFirst()) {
      const parents = Math.min(followed, commits.parentCount(row));
      if (parents === 0) return true;
      for (let i = 0; i < parents; i++) if (isLoose(commits.parentRow(row, i))) return true;
    }
    return false;
  }

  private async contents(docket: Docket): Promise<Contents & { readonly reviews: ReviewsInTime }> {
    const { source } = this.question;
    const standing = new Standing(this.identities, docket.history.isReached);
    const terms = { source: source.name, machine: false, skimmed: false };
    const reviews = new ReviewsInTime(this.statements, this.identities, standing, terms);
    if (docket.needPaths.length === 0 && docket.line.length === 0) {
      return { own: new Map(), steps: [], reviews, unreadable: new Map() };
    }
    using reader = new ChangeReader(this.git, docket.history.commits, docket.history.isForeign);
    const own = await reader.read(docket.needPaths, this.against());
    if (docket.line.length === 0) return { own, steps: [], reviews, unreadable: new Map() };
    using objects = new GitObjects(this.git.env);
    const steps = new StepReader(source, docket, reader, objects, reviews, this.bumps, own);
    return { own, reviews, ...(await steps.read()) };
  }

  /** Where paths did not matter, no tree was read: the one that will be used has to be there and sound all the same. */
  private async readable(commits: CommitTable, verdict: HistoryVerdict): Promise<HistoryVerdict> {
    const { source, tip, commitsAlone = false } = this.question;
    if (commitsAlone || !verdict.allowed || source.goodlist.has(tip)) return verdict;
    using reader = new ChangeReader(this.git, commits);
    const fault = await reader.wholeTree(tip, this.known.wholeTip);
    return fault ? { ...verdict, allowed: false, denied: [unreadableCommit(tip, fault)] } : verdict;
  }

  private bumpJudge({ source, now }: HistoryQuestion): BumpJudge | undefined {
    if (!takesBumps(source)) return undefined;
    const distrust = new Distrust(this.policy, this.statements);
    const policy = distrust.applied(this.policy);
    const judge = new BumpJudge({ policy, handoffs: handoffsOf(this.statements), distrust, now });
    return judge.isIdle ? undefined : judge;
  }

  private against() {
    switch (this.question.source.authenticate) {
      case "slice":
        throw new Error("a slice has no history to be judged");
      case "every-commit":
        return "all-parents" as const;
      case "first-parent":
        return "first-parent" as const;
      case "tip":
        return { commit: this.introduction };
    }
  }

  /** Asked once: what is remembered rests on it. */
  private async introductionFault(): Promise<DeniedCommit | undefined> {
    if (this.known.size > 0) return undefined;
    const { source, now, repository } = this.question;
    const { git, statements, policy, identities } = this;
    return introductionFault({ repository, git, policy, source, identities, statements, now });
  }
}

/** The shape of the history from all commits, the signature from the tip alone. */
async function tipOnly(
  job: { env: NodeJS.ProcessEnv; policy: Policy; now: number },
  tip: CommitId,
  listing: () => ReturnType<typeof listIds>,
): Promise<CheckedCommits> {
  const signed = await checkCommits(job, [tip]);
  const shape = await checkCommits({ ...job, policy: undefined }, listing());
  const table = new CommitTable();
  const facts: CommitFacts | undefined = signed.table.get(tip);
  // The first facts of an id stay.
  if (facts && shape.table.has(tip)) table.add(facts);
  for (const commit of shape.table.values()) table.add(commit);
  return { ...shape, table };
}

const NONE = (_: CommitId) => false;

/** A table of all commits but for some; the table itself where it has none of these. */
function withoutThose(commits: CommitTable, out: (id: CommitId) => boolean): CommitTable {
  if (out === NONE) return commits;
  const rows = commits.childrenFirst();
  if (!rows.some((row) => out(commits.idAt(row)))) return commits;
  const left = new CommitTable();
  for (const row of rows) if (!out(commits.idAt(row))) left.add(commits.factsAt(row));
  return left;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
