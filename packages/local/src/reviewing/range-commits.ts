/**
 * The commits between two ends, to be told to whoever reads the change, and which of them carry the reader's own
 * address: nobody's review counts for what they wrote. A warning and no check: who had a part is decided by the policy,
 * and addresses prove nothing.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeUtf8, latin1 } from "@firstmile/formats/bytes/text";
import { visibleName } from "@firstmile/formats/bytes/visible";
import { type Commit, parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { whoWrote } from "@firstmile/trust/history/people";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { NeutralGit } from "../git/neutral.ts";
import type { GitObjects } from "../git/objects.ts";
import { revList } from "../git/rev-list.ts";
import type { ReviewRange } from "./range.ts";

export interface RangeCommit {
  readonly id: CommitId;
  /** Made visible. */
  readonly author: string;
  readonly subject: string;
  /** Whether the reader had a part in it, by address. Never of a merge: merging is no writing. */
  readonly own: boolean;
}

/** Most commits read; of longer ranges the newest. */
const MAX_COMMITS = 5000;
const ME = "me" as PrincipalName;

/** Newest first. `emails`: the reader's own addresses. */
export async function commitsOf(
  git: NeutralGit,
  objects: GitObjects,
  { base, tip }: ReviewRange,
  emails: readonly string[],
): Promise<RangeCommit[]> {
  const listed = base === undefined ? [tip] : await revList(git, [tip], [base]);
  const ids = listed.slice(0, MAX_COMMITS);
  const contents = await objects.getAll(ids);
  const mine = new Map(emails.map((email) => [latin1(encodeUtf8(email)).toLowerCase(), ME]));
  return ids.flatMap((id, i) => {
    const commit = parsed(contents[i]?.content);
    return commit ? [described(id, commit, mine)] : [];
  });
}

function described(id: CommitId, commit: Commit, mine: ReadonlyMap<string, PrincipalName>): RangeCommit {
  const [subject = ""] = Buffer.from(commit.message).toString("latin1").split("\n", 1);
  const own = commit.parents.length < 2 && whoWrote(commit, mine).length > 0;
  return { id, author: authorOf(commit), subject: visibleName(Buffer.from(subject, "latin1")), own };
}

function authorOf({ author }: Commit): string {
  try {
    return visibleName(author.identity().name);
  } catch (error) {
    if (error instanceof FormatError) return visibleName(author.raw);
    throw error;
  }
}

function parsed(content: Uint8Array | undefined): Commit | undefined {
  try {
    return content && parseCommit(content);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
