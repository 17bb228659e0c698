/**
 * Claim: a commit is accepted only where its history leads back to the introduction, read from the commits themselves.
 * Against: a fork that shares nothing with the source but its name, and files that say who descends from whom (grafts,
 * replacements, a commit-graph), which `NeutralGit` does not read. Leaves out: whether the database holds each commit
 * under the id that its bytes have.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { revList } from "../git/rev-list.ts";
import { run } from "../process/run.ts";

/** Whether `tip` is `introduction` or comes after it. Throws `RepositoryError` where too little of the history is there to say. */
export async function descendsFrom(git: NeutralGit, introduction: CommitId, tip: CommitId): Promise<boolean> {
  if (tip === introduction) return true;
  const answers = (...args: string[]) => run("git", args, { env: git.env }).then(({ code }) => code === 0);
  if (await answers("merge-base", "--is-ancestor", introduction, tip)) return true;
  // That was no "no" where Git met a gap: it may answer the same, or give up.
  if (await answers("rev-list", "--count", tip, `^${introduction}`, "--")) return false;
  if ((await revList(git, [tip], [])).includes(introduction)) return true;
  throw new RepositoryError(
    `the history of ${tip} is not all there, and what is there does not lead back to ${introduction}`,
  );
}
