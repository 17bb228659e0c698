/** What a later run need not look at again: commits that passed and whose ancestors all did. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Source } from "../policy/policy.ts";
import type { Docket, HistoryVerdict } from "./authenticate.ts";

export interface Authenticated {
  readonly size: number;
  /** Descendants of the introduction. */
  readonly introduced: Iterable<CommitId>;
  /** Side branches that began before the introduction. */
  readonly others: Iterable<CommitId>;
  /** Commits of other histories that were merged: see foreign.ts. */
  readonly foreign: Iterable<CommitId>;
}

const FOREIGN = 1;
const GOOD = 2;
const INTRODUCED = 3;

/** The part of a judged history that stands on its own, also where the whole was denied. */
export function authenticatedPart(source: Source, docket: Docket, verdict: HistoryVerdict): Authenticated {
  const standing = new Uint8Array(docket.history.commits.rows);
  // A tip is judged by what lies between it and the introduction, so nothing on the way stands on its own. What was
  // reviewed was reviewed as brought in up to this tip: without the tip nothing of it is sure.
  const whole = source.authenticate === "tip" || docket.line.length > 0;
  const rows = whole && !verdict.allowed ? [] : docket.judged;
  if (source.authenticate === "tip") for (const row of rows) standing[row] = INTRODUCED;
  else markStanding(source, docket, verdict, rows, standing);
  return listOf(docket, rows, standing);
}

/** Parents before children. */
function markStanding(
  source: Source,
  { history }: Docket,
  verdict: HistoryVerdict,
  rows: readonly number[],
  standing: Uint8Array,
): void {
  const { commits, isAccepted, isIntroduced, isForeign } = history;
  const bad = new Set(verdict.denied.map(({ commit }) => commits.row(commit)));
  const followed = source.authenticate === "first-parent" ? 1 : Number.POSITIVE_INFINITY;
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i]!;
    if (bad.has(row)) continue;
    let good = true;
    let introduced = false;
    for (let p = 0; good && p < Math.min(followed, commits.parentCount(row)); p++) {
      const parent = commits.parentRow(row, p);
      const known = standing[parent]!;
      good = known > 0 || isAccepted(commits.idAt(parent));
      introduced ||= known === INTRODUCED || (known === 0 && isIntroduced(commits.idAt(parent)));
    }
    if (good) standing[row] = introduced ? INTRODUCED : isForeign(commits.idAt(row)) ? FOREIGN : GOOD;
  }
}

function listOf({ history }: Docket, rows: readonly number[], standing: Uint8Array): Authenticated {
  const { commits } = history;
  function* idsOf(kind: number) {
    for (const row of rows) if (standing[row] === kind) yield commits.idAt(row);
  }
  return {
    size: rows.reduce((count, row) => count + (standing[row] === 0 ? 0 : 1), 0),
    introduced: { [Symbol.iterator]: () => idsOf(INTRODUCED) },
    others: { [Symbol.iterator]: () => idsOf(GOOD) },
    foreign: { [Symbol.iterator]: () => idsOf(FOREIGN) },
  };
}
