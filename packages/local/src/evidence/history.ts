/**
 * Authenticates a source's history on this machine: lists what is new, checks it, reads the paths that rules ask
 * for, has it judged, and remembers what passed. It decides nothing itself: `@firstmile/trust/history` does.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  authenticate,
  authenticatedPart,
  type Docket,
  type History,
  type HistoryVerdict,
  judgeIntroduction,
  openDocket,
} from "@firstmile/trust/history/authenticate";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import { reachable } from "@firstmile/trust/history/graph";
import type { DeniedCommit, OwnChanges } from "@firstmile/trust/history/judge";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { verifyCosignature } from "@firstmile/trust/signature/cosignature";
import { type Identities, identitiesOf } from "@firstmile/trust/signature/identities";
import type { SignatureOutcome } from "@firstmile/trust/signature/outcome";
import { type NeutralGit, neutralGit } from "../git/neutral.ts";
import { readCosignatures } from "../git/notes.ts";
import { revList } from "../git/rev-list.ts";
import {
  AuthenticatedCommits,
  type CacheKey,
  loadAuthenticated,
  saveAuthenticated,
} from "../state/authenticated-cache.ts";
import { type CheckedCommit, CommitCheckers, checkCommits } from "./check-commits.ts";
import { ChangeReader } from "./own-changes.ts";

export interface HistoryQuestion {
  /** Path of a Git repository that has the history. */
  readonly repository: string;
  readonly tip: CommitId;
  readonly policy: Policy;
  /** The files that the policy was loaded from. */
  readonly policyFiles: ReadonlyMap<string, Uint8Array>;
  readonly source: Source;
  /** Unix seconds. */
  readonly now: number;
  /** Where to remember what was authenticated; undefined: look at everything. */
  readonly cacheDir: string | undefined;
  readonly progress?: (done: number, total: number) => void;
}

/** The verdict on `tip` by the rules of `source`. Throws `RepositoryError` where the repository cannot be read. */
export async function authenticateHistory(question: HistoryQuestion): Promise<HistoryVerdict> {
  const git = await neutralGit(question.repository);
  try {
    return await new HistoryRun(question, git).run();
  } finally {
    git.dispose();
  }
}

class HistoryRun {
  private readonly question: HistoryQuestion;
  private readonly git: NeutralGit;
  private readonly introduction: CommitId;
  private readonly known: AuthenticatedCommits;

  constructor(question: HistoryQuestion, git: NeutralGit) {
    this.question = question;
    this.git = git;
    this.introduction = question.source.introduction.commit as string as CommitId;
    const { cacheDir, now } = question;
    this.known =
      cacheDir === undefined ? AuthenticatedCommits.none : loadAuthenticated(cacheDir, this.cacheKey(), now);
  }

  async run(): Promise<HistoryVerdict> {
    const { policy, source, tip } = this.question;
    if (this.known.isIntroduced(tip)) return this.alreadyKnown();
    const checked = await this.check();
    const identities = identitiesOf(policy);
    const history = await this.history(checked, identities);
    const docket = openDocket(policy, source, identities.ownerOf, history);
    const verdict = authenticate(policy, source, docket, await this.changes(docket));
    const introductionFault = this.judgeIntroduction(checked, identities);
    const validUntil = earliest([
      verdict.validUntil,
      this.known.validUntil,
      introductionExpiry(checked, this.introduction),
    ]);
    if (introductionFault)
      return { ...verdict, validUntil, allowed: false, denied: [introductionFault, ...verdict.denied] };
    const whole = { ...verdict, validUntil };
    this.remember(docket, whole);
    return whole;
  }

  private alreadyKnown(): HistoryVerdict {
    const { source, tip } = this.question;
    return {
      allowed: true,
      source: source.name,
      commit: tip,
      checked: 0,
      denied: [],
      validUntil: this.known.validUntil,
    };
  }

  /**
   * What has to be looked at, and the introduction where it never was. Listing stops at known tips only where all that
   * they reach is known too; otherwise a branch off a side branch would seem to have lost its parents.
   */
  private async newCommits(): Promise<CommitId[]> {
    const { tip, source } = this.question;
    const stops = source.authenticate === "every-commit" ? this.known.tips : [];
    const listed = await revList(this.git, [tip], [this.introduction, ...stops], {
      firstParent: source.authenticate === "first-parent",
    });
    const fresh = listed.filter((id) => !this.known.has(id));
    return this.known.size === 0 ? [...fresh, this.introduction] : fresh;
  }

  private async check(): Promise<CheckedCommit[]> {
    const { policyFiles, now, progress, source, tip } = this.question;
    if (source.authenticate === "tip") return this.checkTipOnly(await this.newCommits(), tip);
    await using checkers = new CommitCheckers({ env: this.git.env, policyFiles, now });
    if (this.known.size === 0) checkers.expectMany();
    const ids = await this.newCommits();
    return await checkers.check(ids, (done) => progress?.(done, ids.length));
  }

  /** The shape of the history from all commits, signatures from the tip and the introduction alone. */
  private async checkTipOnly(ids: readonly CommitId[], tip: CommitId): Promise<CheckedCommit[]> {
    const { policyFiles, now } = this.question;
    const shape = await checkCommits({ env: this.git.env, policyFiles: undefined, now }, ids);
    const signed = await checkCommits({ env: this.git.env, policyFiles, now }, [tip, this.introduction]);
    const byId = new Map(signed.map((commit) => [commit.id, commit]));
    return shape.map((commit) => byId.get(commit.id) ?? commit);
  }

  private async history(checked: readonly CheckedCommit[], identities: Identities): Promise<History> {
    const commits = new Map<CommitId, CommitFacts>();
    const unusable = new Map<CommitId, DeniedCommit>();
    for (const commit of checked) {
      if (commit.id === this.introduction) continue;
      if ("corrupt" in commit) unusable.set(commit.id, corrupt(commit.id, commit.corrupt));
      else if (!("missing" in commit)) commits.set(commit.id, commit);
    }
    const before = await this.beforeTheIntroduction(commits);
    const isIntroduced = (id: CommitId) => id === this.introduction || this.known.isIntroduced(id);
    const isAccepted = (id: CommitId) => isIntroduced(id) || this.known.has(id) || before.has(id);
    const cosignatures = await this.cosignatures(commits, identities);
    return { tip: this.question.tip, commits, unusable, isAccepted, isIntroduced, cosignatures };
  }

  /**
   * Ancestors of the introduction, proven by walking the commits themselves; walked only where the tip, or a parent of
   * a new commit, is neither new nor known, which is where a branch began before the introduction.
   */
  private async beforeTheIntroduction(
    commits: ReadonlyMap<CommitId, CommitFacts>,
  ): Promise<ReadonlySet<CommitId>> {
    const followed = this.question.source.authenticate === "first-parent" ? 1 : Number.POSITIVE_INFINITY;
    const loose = (id: CommitId) => id !== this.introduction && !commits.has(id) && !this.known.has(id);
    const edges = [...commits.values()].flatMap(({ parents }) => parents.slice(0, followed));
    if (![this.question.tip, ...edges].some(loose)) return new Set();
    const listed = await revList(this.git, [this.introduction], []);
    const checked = await checkCommits({ env: this.git.env, policyFiles: undefined, now: 0 }, listed);
    const graph = new Map(
      checked.flatMap((commit) => ("tree" in commit ? [[commit.id, commit] as const] : [])),
    );
    return reachable(graph, [this.introduction]);
  }

  private async cosignatures(
    commits: ReadonlyMap<CommitId, CommitFacts>,
    identities: Identities,
  ): Promise<History["cosignatures"]> {
    const notes = await readCosignatures(this.question.repository, this.git, (id) =>
      commits.has(id as CommitId),
    );
    const { now } = this.question;
    return new Map(
      [...notes].map(([id, signatures]): [CommitId, SignatureOutcome[]] => [
        id as CommitId,
        signatures.map((signature) => verifyCosignature(signature, id, identities.keys, now)),
      ]),
    );
  }

  private async changes(docket: Docket): Promise<ReadonlyMap<CommitId, OwnChanges>> {
    if (docket.needPaths.length === 0) return new Map();
    using reader = new ChangeReader(this.git, docket.history.commits);
    switch (this.question.source.authenticate) {
      case "every-commit":
        return await reader.read(docket.needPaths, "all-parents");
      case "first-parent":
        return await reader.read(docket.needPaths, "first-parent");
      case "tip":
        return await reader.read(docket.needPaths, { commit: this.introduction });
    }
  }

  private judgeIntroduction(
    checked: readonly CheckedCommit[],
    { ownerOf }: Identities,
  ): DeniedCommit | undefined {
    if (this.known.size > 0) return undefined;
    const facts = checked.find(({ id }) => id === this.introduction);
    if (facts && "tree" in facts)
      return judgeIntroduction(this.question.policy, this.question.source, ownerOf, facts);
    if (facts && "corrupt" in facts) return corrupt(this.introduction, facts.corrupt);
    return {
      commit: this.introduction,
      code: "missing-object",
      message: `is the introduction of source ${this.question.source.name}: it is not in this repository`,
      remedy: "ask in a repository of this source, with its whole history: git fetch --unshallow",
    };
  }

  private remember(docket: Docket, verdict: HistoryVerdict): void {
    if (this.question.cacheDir === undefined) return;
    const part = authenticatedPart(this.question.source, docket, verdict);
    if (part.introduced.length + part.others.length === 0) return;
    const known = this.known.with(
      part,
      verdict.allowed ? verdict.commit : undefined,
      verdict.validUntil,
      this.introduction.length / 2,
    );
    saveAuthenticated(this.question.cacheDir, this.cacheKey(), known);
  }

  private cacheKey(): CacheKey {
    const { policy, source } = this.question;
    return {
      policyDigest: policy.digest,
      source: source.name,
      mode: source.authenticate,
      introduction: source.introduction.commit,
    };
  }
}

/** The introduction's own signature is a ground of the verdict like any other. */
function introductionExpiry(checked: readonly CheckedCommit[], introduction: CommitId): number | undefined {
  const facts = checked.find(({ id }) => id === introduction);
  return facts && "tree" in facts && facts.signature.valid ? facts.signature.validUntil : undefined;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function corrupt(commit: CommitId, problem: string): DeniedCommit {
  return {
    commit,
    code: "corrupt-object",
    message: `cannot be used: ${problem}`,
    remedy: "check the repository with git fsck, and fetch it anew",
  };
}
