/**
 * Whether what admissions rest on holds under the rules in force: commits of sources, or the files and names that were
 * read of them. An answer is kept as long as the rules and the statements beside them stay the same and nothing that it rests on
 * has expired.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import { historyReason } from "@firstmile/trust/history/reason";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { pathIn, type SliceListing } from "@firstmile/trust/slice/names";
import {
  failingNames,
  namesDenial,
  namesNotNoted,
  oddNames,
  oddReason,
} from "@firstmile/trust/slice/names-reason";
import { sliceReason } from "@firstmile/trust/slice/reason";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { authenticateHistory } from "../evidence/history.ts";
import type { Basis, NotedSlice } from "../gate/ledger.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { RepositoryError } from "../git/neutral.ts";
import { sourceFreshness } from "../mirrors/judge-source.ts";
import { type GatheredCase, gatherCase, heardOf } from "../slicing/gather.ts";
import { tellingUnread } from "../statements/unread.ts";
import { againstArguments } from "./arguments.ts";
import type { SourceRepositories } from "./source-repositories.ts";

/** Authentic commits that nobody lately called the newest are as little use as others where rules ask for that. */
function together(history: Reason, fresh: Reason | undefined): Reason {
  if (!fresh || !history.ok) return history;
  if (!fresh.ok) return fresh;
  return { ...history, because: [...(history.because ?? []), fresh] };
}

export interface AuthenticatorOptions {
  readonly repositories: SourceRepositories;
  readonly cacheDir: string;
  /** Unix seconds. */
  readonly clock: () => number;
  /** The slice that was kept under this name. */
  readonly notedSlice: (slice: string) => NotedSlice | undefined;
}

/** Admitted while its commits were what counted: which files were read nobody has noted. */
function notASlice(source: Source, commit: CommitId): Reason {
  const at = `source ${source.name} at ${commit.slice(0, 12)}`;
  return lacking(
    "not-covered",
    `which files were read of ${at} is not known, and its rules ask for that now`,
    {
      remedy: "admit it again",
    },
  );
}

/** What was read, files before names, under the rules in force. */
function judgedAgain({ files, names }: NotedSlice, commit: CommitId, gathered: GatheredCase): Reason {
  const { coverage, source } = gathered;
  const question = { source, commit, words: "", coverage, names: gathered.names };
  const judged = judgeFiles(coverage, files);
  const told = gathered.names.judge(names ?? []);
  const ofFiles = sliceReason(question, judged, failingNames(told).length === 0 ? told : []);
  if (!ofFiles.ok) return ofFiles;
  if (names === undefined && !source.rules.every(({ listings }) => listings === "shown"))
    return namesNotNoted(question);
  const listed = names?.filter((one) => one.kind === "listing") ?? [];
  const odd = oddNames(listed.flatMap(namesIn), gathered.names);
  return namesDenial(question, told) ?? (odd.length > 0 ? oddReason(question, odd) : ofFiles);
}

function namesIn({ path, entries }: SliceListing) {
  return entries.map(({ name, type }) => ({ path: pathIn(path, name), type, version: undefined }));
}

interface Answer {
  readonly reason: Reason;
  /** Unix seconds. */
  readonly validUntil: number;
}

/** Gathers what speaks for the files of one commit. */
type Gather = (source: Source, commit: CommitId) => Promise<GatheredCase>;

const MAX_ANSWERS = 10_000;
/** Whoever floods a place must not have every question worked out anew. */
const UNREAD_SECONDS = 60;
/** Commits looked into at a time: most of it is waiting for Git. */
const AT_ONCE = 4;

export class Authenticator {
  private readonly repositories: SourceRepositories;
  private readonly cacheDir: string;
  private readonly clock: () => number;
  private readonly notedSlice: AuthenticatorOptions["notedSlice"];
  private readonly answers = new Map<string, Promise<Answer>>();

  constructor(options: AuthenticatorOptions) {
    this.repositories = options.repositories;
    this.cacheDir = options.cacheDir;
    this.clock = options.clock;
    this.notedSlice = options.notedSlice;
  }

  /**
   * The findings on many, in their order. Statements are read once for each source, and what speaks for the files of one
   * commit is gathered once for all slices of it.
   */
  async authenticateAll(rules: RulesInForce, bases: readonly Basis[]): Promise<Reason[]> {
    const found = new Map<Basis, Reason>();
    const heard = new Map<string, ReturnType<typeof heardOf>>();
    const groups = [...Map.groupBy(bases, ({ source, commit }) => `${source} ${commit}`).values()];
    const work = async () => {
      for (let group = groups.pop(); group; group = groups.pop()) {
        let gathered: Promise<GatheredCase> | undefined;
        const gather: Gather = (source, commit) => {
          gathered ??= this.gather(rules, source, commit, heard);
          return gathered;
        };
        for (const basis of group) found.set(basis, await this.authenticate(rules, basis, gather));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return bases.map((basis) => found.get(basis)!);
  }

  /** The finding on one commit of a source that the policy may or may not still have, or on what was read of it. */
  async authenticate(
    rules: RulesInForce,
    basis: Basis,
    gather: Gather = (source, commit) => this.gather(rules, source, commit),
  ): Promise<Reason> {
    const { source: sourceName, commit, slice } = basis;
    const source = rules.policy.sources.get(sourceName as SourceName);
    if (!source) {
      return lacking("unknown-source", `the policy has no source ${sourceName} any more`, {
        remedy: `add [source.${tomlKey(sourceName)}] to the trust repository`,
      });
    }
    const against = basis.given && againstArguments(source, basis.given);
    if (against) return against;
    const evidence = `${rules.evidence} ${this.repositories.generation(source)}`;
    const key = `${rules.policy.digest} ${evidence} ${sourceName} ${commit} ${slice ?? ""}`;
    const known = await this.answers.get(key);
    if (known && this.clock() < known.validUntil) return known.reason;
    const isSlice = source.authenticate === "slice";
    const answer = isSlice
      ? this.askSlice(basis, source, () => gather(source, commit))
      : this.ask(rules, source, commit);
    // Git that cannot be run is no finding: the next question asks again.
    answer.catch(() => this.answers.delete(key));
    if (this.answers.size >= MAX_ANSWERS) this.answers.clear();
    this.answers.set(key, answer);
    const { reason } = await answer;
    // A refusal may be mended by objects or co-signatures that arrive later.
    if (!reason.ok) this.answers.delete(key);
    return reason;
  }

  private async askSlice(
    { commit, slice }: Basis,
    source: Source,
    gather: () => Promise<GatheredCase>,
  ): Promise<Answer> {
    const noted = slice === undefined ? undefined : this.notedSlice(slice);
    if (!noted) return { reason: notASlice(source, commit), validUntil: 0 };
    try {
      const gathered = await gather();
      const { origin, validUntil = Number.POSITIVE_INFINITY } = gathered;
      if (!origin.ok) return { reason: origin, validUntil };
      const reason = judgedAgain(noted, commit, gathered);
      return this.heard({ reason, validUntil }, gathered.incomplete);
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      return { reason: lacking("source-unavailable", error.message), validUntil: 0 };
    }
  }

  /** `known`: statements that were read for this source a moment ago, and where to note those that are now. */
  private async gather(
    { policy, statements }: RulesInForce,
    source: Source,
    commit: CommitId,
    known = new Map<string, ReturnType<typeof heardOf>>(),
  ): Promise<GatheredCase> {
    const repository = await this.repositories.directory(source);
    const question = { repository, policy, source, statements, now: this.clock() };
    const heard = known.get(source.name) ?? heardOf(question);
    known.set(source.name, heard);
    return gatherCase({ ...question, commit, heard: await heard });
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
      const reason = together(historyReason(verdict), freshness?.reason);
      return this.heard({ reason, validUntil: Math.min(...until) }, verdict.incomplete);
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      return { reason: lacking("source-unavailable", error.message), validUntil: 0 };
    }
  }

  /** What was not heard may be heard the next time: such an answer is told so, and kept for a short while. */
  private heard({ reason, validUntil }: Answer, unread: readonly string[]): Answer {
    const until = unread.length > 0 ? this.clock() + UNREAD_SECONDS : validUntil;
    return { reason: tellingUnread(reason, unread), validUntil: Math.min(until, validUntil) };
  }

  private freshness(rules: RulesInForce, source: Source, commit: CommitId, repository: string) {
    const { policy, statements } = rules;
    return sourceFreshness({ repository, statements, policy, source, commit, now: this.clock() });
  }
}
