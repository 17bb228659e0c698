/**
 * Whether commits of sources are authentic under the rules in force. An answer is kept as long as the rules stay
 * the same and no key that it rests on has expired.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { historyReason } from "@firstmile/trust/history/reason";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Source } from "@firstmile/trust/policy/policy";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { authenticateHistory } from "../evidence/history.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { RepositoryError } from "../git/neutral.ts";
import { sourceFreshness } from "../mirrors/judge-source.ts";
import type { SourceRepositories } from "./source-repositories.ts";

/** Authentic commits that nobody lately called the newest are as little use as others where rules ask for that. */
function together(history: Reason, fresh: Reason | undefined): Reason {
  if (!fresh || !history.ok) return history;
  if (!fresh.ok) return fresh;
  return { ...history, because: [...(history.because ?? []), fresh] };
}

interface Answer {
  readonly reason: Reason;
  /** Unix seconds. */
  readonly validUntil: number;
}

const MAX_ANSWERS = 10_000;

export class Authenticator {
  private readonly repositories: SourceRepositories;
  private readonly cacheDir: string;
  private readonly clock: () => number;
  private readonly answers = new Map<string, Promise<Answer>>();

  constructor(repositories: SourceRepositories, cacheDir: string, clock: () => number) {
    this.repositories = repositories;
    this.cacheDir = cacheDir;
    this.clock = clock;
  }

  /** The finding on one commit of a source that the policy may or may not still have. */
  async authenticate(rules: RulesInForce, sourceName: string, commit: CommitId): Promise<Reason> {
    const source = rules.policy.sources.get(sourceName as SourceName);
    if (!source) {
      return lacking("unknown-source", `the policy has no source ${sourceName} any more`, {
        remedy: `add [source.${sourceName}] to the trust repository`,
      });
    }
    const key = `${rules.policy.digest} ${sourceName} ${commit}`;
    const known = await this.answers.get(key);
    if (known && this.clock() < known.validUntil) return known.reason;
    const answer = this.ask(rules, source, commit);
    // Git that cannot be run is no finding: the next question asks again.
    answer.catch(() => this.answers.delete(key));
    if (this.answers.size >= MAX_ANSWERS) this.answers.clear();
    this.answers.set(key, answer);
    const { reason } = await answer;
    // A refusal may be mended by objects or co-signatures that arrive later.
    if (!reason.ok) this.answers.delete(key);
    return reason;
  }

  private async ask(rules: RulesInForce, source: Source, tip: CommitId): Promise<Answer> {
    const repository = await this.repositories.directory(source);
    try {
      const verdict = await authenticateHistory({
        repository,
        tip,
        policy: rules.policy,
        statements: rules.statements,
        source,
        now: this.clock(),
        cacheDir: this.cacheDir,
      });
      const freshness = await this.freshness(rules, source, tip, repository);
      const until = [verdict.validUntil, freshness?.until].filter((time) => time !== undefined);
      return { reason: together(historyReason(verdict), freshness?.reason), validUntil: Math.min(...until) };
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      return { reason: lacking("source-unavailable", error.message), validUntil: 0 };
    }
  }

  private freshness(rules: RulesInForce, source: Source, commit: CommitId, repository: string) {
    const others = rules.statements.flatMap((place) => ("repository" in place ? [place.repository] : []));
    const now = this.clock();
    return sourceFreshness({ repository, others, policy: rules.policy, source, commit, now });
  }
}
