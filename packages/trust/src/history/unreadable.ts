/**
 * Commits whose changes cannot be known. Claim: such a commit is denied under every rule, and nothing stands in for the
 * changes: a name that stands for "anything" would be one that some rule covers. Against: a writer of one path who
 * makes a commit whose trees cannot be read. Left out: commits that the source's goodlist names, which are not judged.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DeniedCommit } from "./judge.ts";

/** Why the changes of a commit are not known. */
export interface Unreadable {
  readonly unreadable: "missing-object" | "corrupt-object" | "too-many-parents";
  /** The object or limit, in words that go behind "cannot be judged: ". */
  readonly problem: string;
}

/** Git's own octopuses end far below; each further parent is one more merge to make again. */
export const MAX_PARENTS = 100;

/** What is wrong with a merge of more parents than are looked at; undefined where it has not more. */
export function tooManyParents(parents: number): Unreadable | undefined {
  if (parents <= MAX_PARENTS) return undefined;
  return {
    unreadable: "too-many-parents",
    problem: `it has ${parents} parents, and at most ${MAX_PARENTS} are looked at`,
  };
}

/** Whether what was read, or was to be read, could not be. */
export function isUnreadable(read: object): read is Unreadable {
  return "unreadable" in read;
}

/** Whether a denial with this code says that a commit's changes are not known. */
export function isBlind(code: string): boolean {
  return Object.hasOwn(REMEDIES, code);
}

/** The denial of a commit that cannot be judged. */
export function unreadableCommit(commit: CommitId, { unreadable, problem }: Unreadable): DeniedCommit {
  return {
    commit,
    code: unreadable,
    message: `cannot be judged, because nothing says what it changes: ${problem}`,
    remedy: REMEDIES[unreadable],
  };
}

const REMEDIES: Readonly<Record<Unreadable["unreadable"], string>> = {
  "missing-object":
    "fetch the repository whole: git fetch --refetch --no-filter; or ask in another clone that has all trees and files",
  "corrupt-object":
    "look at the object with git fsck. Damaged bytes: fetch the repository anew. An object that was made so stays so: its writers make the commit again, or root names the commit in the source's goodlist",
  "too-many-parents":
    "its writers merge the branches in several steps; or root names the commit in the source's goodlist",
};
