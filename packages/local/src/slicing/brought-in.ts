/**
 * Contents that commits bring in, as `git diff-tree` finds them: what differs from the parent; of a merge, what differs
 * from every parent; of a first commit, everything.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { run } from "../process/run.ts";

export interface BroughtIn {
  readonly commit: CommitId;
  /** Latin-1. */
  readonly path: string;
  /** Of the blob, or of a submodule's commit. */
  readonly id: ObjectId;
}

/** Commits given to one child: each may touch every file of a large tree. */
const AT_ONCE = 500;
const MAX_BYTES = 1 << 30;
const ARGS = ["diff-tree", "--stdin", "-r", "-c", "--root", "--raw", "-z", "--no-abbrev", "--no-renames"];

/** Throws `RepositoryError` where a tree is missing. */
export async function* broughtIn(git: NeutralGit, commits: readonly CommitId[]): AsyncGenerator<BroughtIn> {
  for (let start = 0; start < commits.length; start += AT_ONCE) {
    const input = commits.slice(start, start + AT_ONCE).join("\n");
    const told = await run("git", ARGS, { env: git.env, input: `${input}\n`, maxBytes: MAX_BYTES });
    if (told.code !== 0) throw new RepositoryError(`git diff-tree: ${told.stderr.trim()}`);
    yield* readChanges(told.stdout.toString("latin1"));
  }
}

/**
 * Fields end with NUL: the id of a commit, and then for each file the change and its path. A change opens with as many
 * colons as there are parents; then come the modes and the ids, of the parents and then of the commit.
 */
function* readChanges(text: string): Generator<BroughtIn> {
  const fields = text.split("\0");
  let commit = "";
  for (let i = 0; i + 1 < fields.length; i++) {
    const change = /^(:+)(.*)$/.exec(fields[i]!);
    if (change) {
      const parents = change[1]!.length;
      const id = change[2]!.split(" ")[2 * parents + 1]!;
      const path = fields[++i]!;
      if (!/^0+$/.test(id)) yield { commit: commit as CommitId, path, id: id as ObjectId };
    } else commit = fields[i]!;
  }
}
