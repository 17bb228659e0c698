/**
 * Contents and names that commits bring in, as `git diff-tree` finds them: what differs from the parent; of a merge, what differs
 * from every parent; of a first commit, everything.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { run } from "../process/run.ts";

export interface BroughtIn {
  readonly commit: CommitId;
  /** Latin-1. */
  readonly path: string;
  /** Of the blob or tree, or of a submodule's commit; undefined: nothing is there any more. */
  readonly id: ObjectId | undefined;
  /** As in a Git tree; 0 where nothing is there any more. */
  readonly mode: number;
  /** Whether the name is new, gone, or of another type than with some parent. */
  readonly isRenamed: boolean;
}

/** A content: a file, a link, a submodule. */
export interface BroughtContent extends BroughtIn {
  readonly id: ObjectId;
}

export function isContent(one: BroughtIn): one is BroughtContent {
  return one.id !== undefined && one.mode !== 0o40000;
}

/** Commits given to one child: each may touch every file of a large tree. */
const AT_ONCE = 500;
const MAX_BYTES = 1 << 30;
const ARGS = [
  "diff-tree",
  "--stdin",
  "-r",
  "-t",
  "-c",
  "--root",
  "--raw",
  "-z",
  "--no-abbrev",
  "--no-renames",
];

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
      const words = change[2]!.split(" ");
      const modes = words.slice(0, parents + 1).map((mode) => Number.parseInt(mode, 8));
      const mode = modes[parents]!;
      const path = fields[++i]!;
      const isRenamed = modes.some((other) => other >> 12 !== mode >> 12);
      const id = mode === 0 ? undefined : (words[2 * parents + 1] as ObjectId);
      yield { commit: commit as CommitId, path, id, mode, isRenamed };
    } else commit = fields[i]!;
  }
}
