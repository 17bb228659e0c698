/** Who descends from whom among a few commits, read off a repository of our own. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Ancestry } from "@firstmile/trust/freshness/judge-head";
import type { NeutralGit } from "../git/neutral.ts";
import { run } from "../process/run.ts";

/** Most commits compared with each other; what is beyond counts as not known. */
const MAX_COMMITS = 64;

/** How each of `older` stands to each of `newer`. A commit that is not there has no ancestors and no descendants. */
export async function ancestryAmong(
  git: NeutralGit,
  older: readonly CommitId[],
  newer: readonly CommitId[],
): Promise<Ancestry> {
  const known = new Map<string, number>();
  for (const ancestor of new Set(older.slice(0, MAX_COMMITS))) {
    for (const descendant of new Set(newer.slice(0, MAX_COMMITS))) {
      const commits = await commitsBeyond(git, ancestor, descendant);
      if (commits !== undefined) known.set(`${ancestor} ${descendant}`, commits);
    }
  }
  return (ancestor, descendant) => known.get(`${ancestor} ${descendant}`);
}

async function commitsBeyond(
  git: NeutralGit,
  ancestor: CommitId,
  descendant: CommitId,
): Promise<number | undefined> {
  if (ancestor === descendant) return 0;
  const descends = await run("git", ["merge-base", "--is-ancestor", ancestor, descendant], { env: git.env });
  if (descends.code !== 0) return undefined;
  const counted = await run("git", ["rev-list", "--count", `${ancestor}..${descendant}`], { env: git.env });
  return counted.code === 0 ? Number(counted.stdout.toString("latin1")) : undefined;
}
