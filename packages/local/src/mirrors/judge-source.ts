/**
 * What all mirrors of a source say is its newest, judged by the source's rules. Claim: the head chosen is authentic
 * and newer than every other authentic one; mirrors that show two authentic heads are told as that, and so is a
 * mirror whose head is not authentic. Left out: other branches, which a source may have as it likes.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Freshness } from "@firstmile/trust/freshness/judge-head";
import { judgeServedHeads, type ServedHead } from "@firstmile/trust/freshness/served-heads";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import { historyReason } from "@firstmile/trust/history/reason";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { neutralGit } from "../git/neutral.ts";
import type { StatementPlace } from "../statements/place.ts";
import { ancestryAmong } from "./ancestry.ts";
import { findHeads, freshnessIn, separately } from "./head-statements.ts";
import type { SourceAnswers } from "./source-cache.ts";

export interface JudgedSource {
  /** On the head that is the newest; where there is none, on the first that a mirror serves. */
  readonly verdict: HistoryVerdict;
  /** On the mirrors beside each other; nothing where there is one alone. */
  readonly findings: readonly Reason[];
}

/** `authenticate` is asked once for each distinct head. */
export async function judgeMirrors(
  { repository, heads, silent }: Pick<SourceAnswers, "repository" | "heads" | "silent">,
  authenticate: (head: CommitId) => Promise<HistoryVerdict>,
): Promise<JudgedSource> {
  const verdicts = new Map<CommitId, HistoryVerdict>();
  for (const { head } of heads) if (!verdicts.has(head)) verdicts.set(head, await authenticate(head));
  const served = heads.map(({ url, head }) => ({ url, head, standing: standingOf(verdicts.get(head)!) }));
  const ancestry = await ancestryIn(repository, [...verdicts.keys()]);
  const { newest, reasons } = judgeServedHeads({ followed: undefined, served, silent, ancestry });
  const verdict = verdicts.get(newest ?? heads[0]!.head)!;
  const alone = heads.length + silent.length < 2;
  return { verdict, findings: alone ? [] : reasons };
}

function standingOf(verdict: HistoryVerdict): ServedHead["standing"] {
  return { kind: verdict.allowed ? "forward" : "unauthentic", why: historyReason(verdict) };
}

async function ancestryIn(repository: string, heads: readonly CommitId[]) {
  const git = await neutralGit(repository);
  try {
    return await ancestryAmong(git, heads, heads);
  } finally {
    git.dispose();
  }
}

export interface SourceFreshnessQuestion {
  readonly repository: string;
  /** Where statements are, beside the repository itself. */
  readonly statements: readonly StatementPlace[];
  readonly policy: Policy;
  readonly source: Source;
  readonly commit: CommitId;
  readonly now: number;
}

/** How fresh a commit of a source is; undefined where its rules do not ask. */
export async function sourceFreshness(question: SourceFreshnessQuestion): Promise<Freshness | undefined> {
  const { repository, statements, policy, source, commit, now } = question;
  const rule = source.head;
  if (!rule) return undefined;
  const all: StatementPlace[] = [{ kind: "ref", repository }, ...statements];
  const places = await Promise.all(all.map(separately));
  const heads = await findHeads(places.flat(), policy, source.name, now);
  const subject = `source ${source.name}`;
  const remedy = `fetch it anew, or update the lock; if that brings nothing, somebody of role ${rule.signedBy} runs firstmile trust head REPO --source ${source.name}`;
  const git = await neutralGit(repository);
  try {
    return await freshnessIn({ git, rule, policy, subject, remedy, commit, heads, now });
  } finally {
    git.dispose();
  }
}
