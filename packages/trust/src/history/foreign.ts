/**
 * Commits of other histories. A signature names no repository: a writer can merge a history that others signed elsewhere,
 * for something else. Claim: a commit that has no ancestor in common with the introduction is told from those
 * that have, so that what a merge takes from it is judged as that merge's own change. Left out: abandoned branches of
 * this repository, whose signers meant them for it.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CommitTable } from "./commit-table.ts";

/** What is known of commits that are accepted already. */
export interface Accepted {
  /** The introduction, its ancestors, and what was authenticated before. */
  readonly isAccepted: (id: CommitId) => boolean;
  /** Authenticated before, and foreign. Undefined: nothing is. */
  readonly isKnownForeign: ((id: CommitId) => boolean) | undefined;
}

/** Tells foreign commits, of those in the table and of those authenticated before. */
export function foreignCommits(commits: CommitTable, accepted: Accepted): (id: CommitId) => boolean {
  const { isKnownForeign = () => false } = accepted;
  const order = commits.childrenFirst();
  // Where nothing is the first of a history, nothing begins elsewhere.
  if (!accepted.isKnownForeign && !order.some((row) => commits.parentCount(row) === 0)) return isKnownForeign;
  const foreign = new Uint8Array(commits.rows);
  const known = { isAccepted: accepted.isAccepted, isKnownForeign };
  for (let at = order.length - 1; at >= 0; at--) {
    const row = order[at]!;
    if (isForeignRow(commits, known, foreign, row)) foreign[row] = 1;
  }
  return (id) => {
    const row = commits.row(id);
    return row >= 0 && commits.holds(row) ? foreign[row] === 1 : isKnownForeign(id);
  };
}

/** Parents first. What is not there at all is denied elsewhere, and gives no commit a place in this history. */
function isForeignRow(
  commits: CommitTable,
  { isAccepted, isKnownForeign }: Record<"isAccepted" | "isKnownForeign", (id: CommitId) => boolean>,
  foreign: Uint8Array,
  row: number,
): boolean {
  const own = commits.idAt(row);
  if (isAccepted(own)) return isKnownForeign(own);
  for (let i = 0; i < commits.parentCount(row); i++) {
    const parent = commits.parentRow(row, i);
    if (commits.holds(parent)) {
      if (foreign[parent] === 0) return false;
    } else {
      const id = commits.idAt(parent);
      if (isAccepted(id) && !isKnownForeign(id)) return false;
    }
  }
  return true;
}
