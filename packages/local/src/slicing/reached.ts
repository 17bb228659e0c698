/** Where retired keys still speak: whether one commit is among those that root named, or before them. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type IsReached, NOTHING_OLD } from "@firstmile/trust/history/standing";
import type { Identities } from "@firstmile/trust/signature/identities";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { descendsFrom } from "./descent.ts";

/** Answers for `commit` alone. An end that this repository does not have, or not whole, reaches nothing in it. */
export async function reachedBy(
  git: NeutralGit,
  commit: CommitId,
  lives: Identities["lives"],
): Promise<IsReached> {
  const events = [...lives.values()].flat();
  const ends = new Set(events.flatMap((event) => (event.kind === "retired" ? event.after : [])));
  if (ends.size === 0) return NOTHING_OLD;
  const reaching = new Set<string>();
  for (const end of ends) if (await reaches(git, end as string as CommitId, commit)) reaching.add(end);
  return (asked, from) => asked === commit && from.some((end) => reaching.has(end));
}

async function reaches(git: NeutralGit, end: CommitId, commit: CommitId): Promise<boolean> {
  try {
    return await descendsFrom(git, commit, end);
  } catch (error) {
    if (error instanceof RepositoryError) return false;
    throw error;
  }
}
