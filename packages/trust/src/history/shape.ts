/**
 * Whether a tip comes from the introduction at all, by commits that are there and whole. Where only the line of first
 * parents is looked at, or reviews are asked for along it, that line has to come from the introduction: one that comes
 * by another parent brings what stood before the introduction, which nobody was asked to sign or to read.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Source } from "../policy/policy.ts";
import type { History } from "./authenticate.ts";
import { reachableRows } from "./graph.ts";
import type { DeniedCommit } from "./judge.ts";
import { asksForReviews } from "./review.ts";

/** Commits that are missing or broken, and a tip that does not come from the introduction. */
export function shapeFaults(source: Source, history: History): DeniedCommit[] {
  if (history.isIntroduced(history.tip)) return [];
  const ends = openEnds(source, history);
  const faults = [...ends]
    .filter((id) => !history.isAccepted(id))
    .map((id) => history.unusable.get(id) ?? missing(id));
  const arriving = goesByLine(source) ? [endOfLine(history)] : [...ends];
  const arrives = arriving.some((id) => history.isIntroduced(id));
  return arrives || faults.length > 0 ? faults : [notADescendant(source, history.tip)];
}

/** How many parents of each commit have to be there: all where reviews are asked for, to know who had a part. */
export function followedParents(source: Source): number {
  const line = source.authenticate === "first-parent" && !asksForReviews(source);
  return line ? 1 : Number.POSITIVE_INFINITY;
}

function goesByLine(source: Source): boolean {
  if (source.authenticate === "tip") return false;
  return source.authenticate === "first-parent" || asksForReviews(source);
}

/** The first on the line of first parents that is accepted or not there; its oldest commit where there is none. */
function endOfLine({ commits, tip, isAccepted }: History): CommitId {
  let end = tip;
  followLine(commits, commits.row(tip), (row) => {
    const parent = commits.parentCount(row) > 0 ? commits.idAt(commits.parentRow(row, 0)) : undefined;
    if (end === commits.idAt(row) && !isAccepted(end)) end = parent ?? end;
  });
  return end;
}

/** Ids without facts that the tip is or leads to, on the ways that the mode follows. */
function openEnds(source: Source, { commits, tip, isAccepted }: History): Set<CommitId> {
  const followed = followedParents(source);
  const ends = new Set<CommitId>();
  const start = commits.row(tip);
  if (start < 0 || !commits.holds(start)) return ends.add(tip);
  const within = followed === 1 ? undefined : reachableRows(commits, [start]);
  const visit = (row: number) => {
    const parents = Math.min(followed, commits.parentCount(row));
    for (let i = 0; i < parents; i++) {
      const parent = commits.parentRow(row, i);
      if (!commits.holds(parent) || isAccepted(commits.idAt(parent))) ends.add(commits.idAt(parent));
    }
  };
  if (within) {
    for (let row = 0; row < commits.rows; row++) if (within[row] === 1) visit(row);
  } else followLine(commits, start, visit);
  return ends;
}

function followLine(commits: History["commits"], start: number, visit: (row: number) => void): void {
  const seen = new Set<number>();
  for (let row = start; row >= 0 && commits.holds(row) && !seen.has(row); ) {
    seen.add(row);
    visit(row);
    row = commits.parentCount(row) > 0 ? commits.parentRow(row, 0) : -1;
  }
}

function missing(id: CommitId): DeniedCommit {
  return {
    commit: id,
    code: "missing-object",
    message: "is an ancestor of what was asked for, and the repository does not have it",
    remedy: "fetch the whole history: git fetch --unshallow",
  };
}

function notADescendant(source: Source, tip: CommitId): DeniedCommit {
  return {
    commit: tip,
    code: "not-a-descendant",
    message: `does not descend from the introduction ${source.introduction.commit} of source ${source.name}`,
    remedy: "ask for a commit after the introduction, or introduce the source anew in the trust repository",
  };
}
