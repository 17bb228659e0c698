/** What is old, for keys that root retired after some commits: proven by walking from these commits. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CommitTable } from "@firstmile/trust/history/commit-table";
import { reachableRows } from "@firstmile/trust/history/graph";
import { type IsReached, NOTHING_OLD } from "@firstmile/trust/history/standing";
import type { Identities } from "@firstmile/trust/signature/identities";
import type { NeutralGit } from "../git/neutral.ts";
import { listIds } from "../git/rev-list.ts";
import { checkCommits } from "./check-commits.ts";

/** Answers for the commits of a table. A commit that the repository does not have, such as another source's, reaches none. */
export async function reachOf(
  git: NeutralGit,
  commits: CommitTable,
  lives: Identities["lives"],
): Promise<IsReached> {
  const events = [...lives.values()].flat();
  const ends = new Set(events.flatMap((event) => (event.kind === "retired" ? event.after : [])));
  const named = [...ends].map((id) => id as string as CommitId);
  if (named.length === 0) return NOTHING_OLD;
  const table = await tableWith(git, commits, named);
  const known = new Map<CommitId, Uint8Array>();
  const reachedBy = (end: CommitId) => {
    const rows = known.get(end) ?? reachableRows(table, [table.row(end)]);
    known.set(end, rows);
    return rows;
  };
  return (commit, from) => from.some((end) => reachedBy(end)[table.row(commit)] === 1);
}

/** The table itself where it has them; else, as when an old commit is asked about, one that goes further down. */
async function tableWith(
  git: NeutralGit,
  commits: CommitTable,
  ends: readonly CommitId[],
): Promise<CommitTable> {
  const beyond = ends.filter((id) => !commits.has(id));
  if (beyond.length === 0) return commits;
  const job = { env: git.env, policy: undefined, now: 0 };
  return (await checkCommits(job, listIds(git, ends, []))).table;
}
