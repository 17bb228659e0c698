/**
 * Merges the parents of a merge again with `git merge-tree`, for the cases that whole files do not explain: changes of
 * both sides to one file, renames, several merge bases, three parents and more. Claim: what comes back is what Git
 * gives without anybody's hand, and names every path that Git left to be decided by one.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { run, runOk } from "../process/run.ts";

export interface MergedAgain {
  readonly tree: ObjectId;
  /**
   * Paths in conflict, Latin-1. Their content in `tree` is a proposal: one side of a binary file, the changed side of
   * one that the other removed, or both between marks. Taking it over is a decision too.
   */
  readonly conflicts: readonly string[];
}

/** Checks that the database gives the right bytes for all that merging these commits reads; throws otherwise. */
type RequireFiles = (commits: readonly CommitId[]) => Promise<void>;

/** Two minutes a merge. */
const TIMEOUT = { timeoutMs: 120_000 } as const;

/** The clean merge of the parents in their order; undefined where Git cannot merge them. */
export async function mergeAgain(
  env: NodeJS.ProcessEnv,
  parents: readonly CommitId[],
  requireFiles: RequireFiles,
): Promise<MergedAgain | undefined> {
  let [merged, ...others] = parents as [CommitId, ...CommitId[]];
  let last: MergedAgain | undefined;
  const conflicts: string[] = [];
  for (const other of others) {
    const bases = await basesBelow(env, merged, other);
    if (!bases) return undefined;
    await requireFiles([merged, other, ...bases]);
    last = await mergeTwo(env, merged, other);
    if (!last) return undefined;
    conflicts.push(...last.conflicts);
    // An octopus is merged one parent after the other, each with what the ones before came to.
    if (other !== others.at(-1)) merged = await commitBetween(env, last.tree, [merged, other]);
  }
  return last && { tree: last.tree, conflicts };
}

async function mergeTwo(
  env: NodeJS.ProcessEnv,
  ours: CommitId,
  theirs: CommitId,
): Promise<MergedAgain | undefined> {
  const flags = ["--write-tree", "--no-messages", "--name-only", "-z", "--allow-unrelated-histories"];
  const merged = await run("git", ["merge-tree", ...flags, ours, theirs], { env, ...TIMEOUT });
  const [tree, ...conflicts] = merged.stdout.toString("latin1").split("\0").filter(Boolean);
  if (merged.code > 1 || !tree || !/^[0-9a-f]{40,64}$/.test(tree)) return undefined;
  // In conflict over what it does not name: nothing of it is sure.
  if (merged.code === 1 && conflicts.length === 0) return undefined;
  return { tree: tree as ObjectId, conflicts };
}

/**
 * The merge bases, and where there are several, those of each two of them, which Git merges first. Undefined beyond
 * `MAX_BASES`: such a history was made to be expensive.
 */
async function basesBelow(
  env: NodeJS.ProcessEnv,
  ours: CommitId,
  theirs: CommitId,
): Promise<CommitId[] | undefined> {
  const all = new Set<CommitId>();
  let pairs: (readonly [CommitId, CommitId])[] = [[ours, theirs]];
  while (pairs.length > 0) {
    const found = await Promise.all(pairs.map(([a, b]) => mergeBasesOf(env, a, b)));
    for (const base of found.flat()) all.add(base);
    if (all.size > MAX_BASES) return undefined;
    pairs = found.flatMap((bases) =>
      bases.flatMap((base, i) => bases.slice(i + 1).map((other) => [base, other] as const)),
    );
  }
  return [...all];
}

const MAX_BASES = 16;

async function mergeBasesOf(env: NodeJS.ProcessEnv, a: CommitId, b: CommitId): Promise<CommitId[]> {
  const found = await run("git", ["merge-base", "--all", a, b], { env, ...TIMEOUT });
  return found.stdout.toString("latin1").split("\n").filter(Boolean) as CommitId[];
}

const NOBODY = { NAME: "-", EMAIL: "-", DATE: "@0 +0000" };

/** A commit of the scratch directory that stands for a merge of some parents. */
async function commitBetween(
  env: NodeJS.ProcessEnv,
  tree: ObjectId,
  parents: readonly CommitId[],
): Promise<CommitId> {
  const who = Object.entries(NOBODY).flatMap(([key, value]) => [
    [`GIT_AUTHOR_${key}`, value],
    [`GIT_COMMITTER_${key}`, value],
  ]);
  const args = ["commit-tree", tree, "-m", "-", ...parents.flatMap((id) => ["-p", id])];
  const made = await runOk("git", args, { env: { ...env, ...Object.fromEntries(who) }, ...TIMEOUT });
  return made.toString("latin1").trim() as CommitId;
}
