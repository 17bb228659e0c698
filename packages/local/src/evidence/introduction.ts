/** Whether a source's introduction is what its rules say: pinned by id, and signed by whom they name. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { judgeIntroduction } from "@firstmile/trust/history/authenticate";
import type { DeniedCommit } from "@firstmile/trust/history/judge";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import type { Identities } from "@firstmile/trust/signature/identities";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import type { NeutralGit } from "../git/neutral.ts";
import { checkCommits } from "./check-commits.ts";
import { gatherCosignatures } from "./cosignatures.ts";

export interface IntroductionQuestion {
  readonly repository: string;
  readonly git: NeutralGit;
  readonly policy: Policy;
  readonly source: Source;
  readonly identities: Identities;
  readonly statements: readonly VerifiedStatement[];
  /** Unix seconds. */
  readonly now: number;
}

/** Why it is not, or undefined. */
export async function introductionFault(question: IntroductionQuestion): Promise<DeniedCommit | undefined> {
  const { source, now, repository, git, statements, policy } = question;
  const { keys, ownerOf } = question.identities;
  const introduction = source.introduction.commit as string as CommitId;
  const { table, corrupt, attacks } = await checkCommits({ env: git.env, policy, now }, [introduction]);
  const attack = attacks.get(introduction);
  if (attack !== undefined) return corruptCommit(introduction, attack);
  const facts = table.get(introduction);
  if (!facts) return unusable(source, introduction, corrupt.get(introduction));
  const others = await gatherCosignatures({ repository, git, commits: table, keys, statements, now });
  return judgeIntroduction(policy, source, ownerOf, facts, others.get(introduction) ?? []);
}

function unusable(source: Source, commit: CommitId, problem: string | undefined): DeniedCommit {
  if (problem !== undefined) return corruptCommit(commit, problem);
  return {
    commit,
    code: "missing-object",
    message: `is the introduction of source ${source.name}: it is not in this repository`,
    remedy: "ask in a repository of this source, with its whole history: git fetch --unshallow",
  };
}

/** A commit that is there and cannot be used. */
export function corruptCommit(commit: CommitId, problem: string): DeniedCommit {
  return {
    commit,
    code: "corrupt-object",
    message: `cannot be used: ${problem}`,
    remedy: "check the repository with git fsck, and fetch it anew",
  };
}
