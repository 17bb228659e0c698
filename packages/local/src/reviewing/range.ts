/**
 * What is to be read, as a person names it: a revision, which is read against its first parent, or `BASE..REV`.
 *
 * Claims: what is named comes out as commits of the repository, and only in these two ways, so that nobody reads the
 * difference from a merge base and signs another. Leaves out: which history lies between the two; what is read is the
 * difference of two trees.
 */
import { type CommitId, parseCommitId } from "@firstmile/formats/git/object-id";
import type { HashedReader } from "../evidence/hashed-reader.ts";
import { type NeutralGit, RepositoryError, resolveRevision } from "../git/neutral.ts";
import { run } from "../process/run.ts";

export interface ReviewRange {
  /** Undefined: there is nothing before, `tip` is a first commit. */
  readonly base: CommitId | undefined;
  readonly tip: CommitId;
  /** Whether the base was named, and is not the first parent by default. */
  readonly named: boolean;
}

/** An empty side of `..` is HEAD, as in Git. Throws `RepositoryError`. */
export async function resolveRange(
  repository: string,
  revision: string,
  reader: HashedReader,
): Promise<ReviewRange> {
  const [from, to, ...more] = revision.split("..");
  if (more.length > 0 || to?.startsWith("."))
    throw new RepositoryError(`${JSON.stringify(revision)} is neither a revision nor BASE..REV`);
  const commit = async (name: string) => parseCommitId(await resolveRevision(repository, name || "HEAD"));
  if (to !== undefined) return { base: await commit(from!), tip: await commit(to), named: true };
  const tip = await commit(from!);
  const { parents } = await reader.commit(tip);
  return { base: parents[0], tip, named: false };
}

/**
 * Where the line that leads to `tip` left the one that leads to `base`, if `base` is not on it: then what differs
 * holds the undoing of all that `base` has and `tip` has not. Undefined where there is nothing to warn of.
 */
export async function forkOf(git: NeutralGit, { base, tip }: ReviewRange): Promise<CommitId | undefined> {
  if (base === undefined) return undefined;
  const found = await run("git", ["merge-base", base, tip], { env: git.env });
  const fork = found.stdout.toString().trim();
  return found.code === 0 && fork !== base ? parseCommitId(fork) : undefined;
}
