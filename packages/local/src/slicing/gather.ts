/**
 * What speaks for and against the files of a source at one commit, gathered on this machine: statements from every
 * place, who had a part in what, what channels published. It decides nothing itself: `@firstmile/trust/slice` does.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { BumpJudge } from "@firstmile/trust/handoff/bump";
import { handoffsOf } from "@firstmile/trust/handoff/decide";
import { Standing } from "@firstmile/trust/history/standing";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { type Identities, identitiesOf } from "@firstmile/trust/signature/identities";
import type { SignatureOutcome } from "@firstmile/trust/signature/outcome";
import { Approvals } from "@firstmile/trust/slice/approvals";
import { takesBumps } from "@firstmile/trust/slice/bumped";
import { publishedSlices, type Vouched, type VouchedNames } from "@firstmile/trust/slice/channels";
import { type CoverageEvidence, SliceCoverage } from "@firstmile/trust/slice/cover";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { NamesCoverage } from "@firstmile/trust/slice/names-coverage";
import { Waivers } from "@firstmile/trust/slice/waivers";
import { lapsedReviews, reviewsOf, type SignedReview } from "@firstmile/trust/statement/review-index";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import { found, lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { electorateNow } from "../evidence/electorate.ts";
import { timesOf } from "../evidence/exceptions.ts";
import { introductionFault } from "../evidence/introduction.ts";
import { type HeardStatements, heardStatements } from "../evidence/statements.ts";
import { type NeutralGit, neutralGit } from "../git/neutral.ts";
import { sourceFreshness } from "../mirrors/judge-source.ts";
import type { StatementPlace } from "../statements/place.ts";
import { unreadableReason } from "../statements/unread.ts";
import { bumpedFiles } from "./bumped.ts";
import { descendsFrom } from "./descent.ts";
import { vouchedFiles } from "./published.ts";
import { reachedBy } from "./reached.ts";
import { writersOf } from "./writers.ts";

export interface SliceCase {
  /** Path of a Git repository that has the commit and its history. */
  readonly repository: string;
  /** With its imports resolved. */
  readonly policy: Policy;
  readonly source: Source;
  readonly commit: CommitId;
  /** Where statements are, beside the repository itself. */
  readonly statements: readonly StatementPlace[];
  /** Unix seconds. */
  readonly now: number;
  /** What `heardOf` gave for another commit of the same question a moment ago. */
  readonly heard?: HeardStatements;
}

/** All statements there are: the same for each commit of a source. */
export function heardOf({ repository, policy, statements, now }: Omit<SliceCase, "commit" | "source">) {
  const { policy: filled } = electorateNow(policy, now);
  return heardStatements(filled, [{ kind: "ref", repository }, ...statements], now);
}

export interface GatheredCase {
  readonly coverage: SliceCoverage;
  /** The same for names of directories. */
  readonly names: NamesCoverage;
  readonly distrust: Distrust;
  readonly waivers: Waivers;
  readonly statements: readonly VerifiedStatement[];
  /** What channels that the source accepts vouch for at this commit, by path. */
  readonly vouched: ReadonlyMap<string, Vouched>;
  /** The same for listings and asked names. */
  readonly vouchedNames: VouchedNames | undefined;
  /** The rules as they are now: certified roles filled in, distrusted keys taken out. */
  readonly policy: Policy;
  readonly source: Source;
  /** Whether the commit is of this source at all, and nothing that may speak against it is unread. */
  readonly origin: Reason;
  /** Unix seconds from which on the answers may be others; undefined where time changes nothing. */
  readonly validUntil: number | undefined;
  /** Places whose statements could not all be read. */
  readonly incomplete: readonly string[];
}

/** Throws `RepositoryError` where the repository cannot be read. */
export async function gatherCase(question: SliceCase): Promise<GatheredCase> {
  const git = await neutralGit(question.repository);
  try {
    return await new Gathering(question, git).run();
  } finally {
    git.dispose();
  }
}

class Gathering {
  readonly #question: SliceCase;
  readonly #git: NeutralGit;

  constructor(question: SliceCase, git: NeutralGit) {
    this.#question = question;
    this.#git = git;
  }

  async run(): Promise<GatheredCase> {
    const { now, commit, heard } = this.#question;
    const { policy: filled, validUntil: certifiedUntil } = electorateNow(this.#question.policy, now);
    const { statements: all, incomplete, broken } = heard ?? (await heardOf(this.#question));
    const distrust = new Distrust(filled, all);
    const policy = distrust.applied(filled);
    const source = policy.sources.get(this.#question.source.name)!;
    const identities = identitiesOf(policy);
    const statements = await this.#weighed(all, identities);
    const origin = await this.#origin(policy, source, identities, statements);
    const fresh = await this.#freshness(policy, source);
    const waivers = new Waivers(policy, identities.ownerOf, statements, now);
    const published = publishedSlices(policy, source, commit, identities.ownerOf, statements);
    const { paths: vouched, names: vouchedNames } = await vouchedFiles(this.#git, commit, published);
    const reviews = reviewsOf(statements, identities.ownerOf);
    const bumps = this.#bumpJudge(policy, source, statements, distrust);
    const evidence: CoverageEvidence = {
      reviews,
      lapsed: lapsedReviews(statements, identities.ownerOf),
      distrust,
      waivers,
      vouched,
      vouchedNames,
      bumped: bumps && (await this.#bumped(source, reviews, bumps)),
      wrote: await writersOf(this.#git, policy, introductionOf(source), commit),
    };
    const coverage = new SliceCoverage(policy, source, evidence);
    const names = new NamesCoverage(policy, source, evidence, coverage);
    const validUntil = earliest([
      certifiedUntil,
      fresh?.until,
      bumps?.validUntil,
      ...timesOf(statements, now),
    ]);
    const said = { coverage, names, distrust, waivers, statements, vouched, vouchedNames };
    const whole = unreadableReason(broken) ?? together(origin, fresh?.reason);
    return { ...said, policy, source, origin: whole, validUntil, incomplete };
  }

  /** Undefined where no rule lets a bump pass, or nothing was handed on. */
  #bumpJudge(
    policy: Policy,
    source: Source,
    statements: readonly VerifiedStatement[],
    distrust: Distrust,
  ): BumpJudge | undefined {
    if (!takesBumps(source)) return undefined;
    const { now } = this.#question;
    const judge = new BumpJudge({ policy, handoffs: handoffsOf(statements), distrust, now });
    return judge.isIdle ? undefined : judge;
  }

  #bumped(source: Source, reviews: readonly SignedReview[], judge: BumpJudge) {
    const { commit } = this.#question;
    return bumpedFiles(this.#git, { source, commit, approvals: new Approvals(reviews), judge });
  }

  /** A retired key's word counts in the commits that it was good for, and a compromised one's nowhere. */
  async #weighed(all: readonly VerifiedStatement[], identities: Identities): Promise<VerifiedStatement[]> {
    const { commit } = this.#question;
    const standing = new Standing(identities, await reachedBy(this.#git, commit, identities.lives));
    return all.map((one) => {
      // A reading is of content, so that it holds at any commit where it is known to be old.
      const statement = one.statement.kind === "review" ? one.digest : undefined;
      const weigh = (outcome: SignatureOutcome) => standing.weigh(outcome, commit, statement);
      return { ...one, outcomes: one.outcomes.map(weigh) };
    });
  }

  /** Whether somebody said lately that this is the newest, where the rules ask for that. */
  #freshness(policy: Policy, source: Source) {
    const { repository, commit, now, statements } = this.#question;
    return sourceFreshness({ repository, statements, policy, source, commit, now });
  }

  async #origin(
    policy: Policy,
    source: Source,
    identities: Identities,
    statements: readonly VerifiedStatement[],
  ): Promise<Reason> {
    const { repository, now, commit } = this.#question;
    const at = `source ${source.name} at ${commit.slice(0, 12)}`;
    const introduction = introductionOf(source);
    if (!(await descendsFrom(this.#git, introduction, commit))) {
      return lacking(
        "not-a-descendant",
        `${at} does not descend from ${introduction.slice(0, 12)}, its introduction`,
        {
          remedy: "ask for a later commit, with its whole history: git fetch --unshallow",
        },
      );
    }
    const git = this.#git;
    const fault =
      source.introduction.signedBy &&
      (await introductionFault({ repository, git, policy, source, identities, statements, now }));
    if (fault)
      return lacking(fault.code, `${fault.commit.slice(0, 12)}: ${fault.message}`, { remedy: fault.remedy });
    return found("authentic", `${at} descends from the introduction`);
  }
}

function together(origin: Reason, fresh: Reason | undefined): Reason {
  if (!fresh || !origin.ok) return origin;
  return fresh.ok ? { ...origin, because: [fresh] } : fresh;
}

function introductionOf(source: Source): CommitId {
  return source.introduction.commit as string as CommitId;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}
