/**
 * What each commit on the line of first parents brings in, and who had a part in that. Claim: everybody whom the
 * policy knows by key or address and who wrote, committed, co-wrote or signed a commit of the range is named, whether
 * that signature counts or not; and every co-signer whom it needed (cosigners.ts). A commit belongs to the range of the oldest commit of the line that reaches it.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import type { CommitTable } from "./commit-table.ts";
import { reachableRows } from "./graph.ts";
import type { Detour, Step } from "./review.ts";
import type { Signatories } from "./signers.ts";

/** Signers of a commit, by its row, without whom it would not meet its rules. */
export type NeededSigners = (row: number) => readonly PrincipalName[];

export type Part = Pick<Step, "range" | "mergers" | "merger">;

/** For each commit of the line (tip first), who had a part in what it brings. */
export function partsOf(
  commits: CommitTable,
  signatories: Signatories,
  line: readonly CommitId[],
  needed: NeededSigners,
): Map<CommitId, Part> {
  const people = new People(commits, signatories, needed);
  const seen = new Uint8Array(commits.rows);
  const parts = new Map<CommitId, Part>();
  for (const id of line.toReversed()) {
    const row = commits.row(id);
    seen[row] = 1;
    const merged = newlyReached(commits, row, seen);
    const own = people.of([row]);
    const isMerge = commits.parentCount(row) > 1;
    const range = isMerge ? people.of(merged) : own;
    parts.set(id, { range, mergers: own, merger: signatories.signer(row) });
  }
  return parts;
}

/** Who had a part in anything between the introduction and the tip: one range. */
export function partOfAll(
  commits: CommitTable,
  signatories: Signatories,
  tip: CommitId,
  needed: NeededSigners,
): Part {
  const row = commits.row(tip);
  const within = reachableRows(commits, [row]);
  const rows = [...within.keys()].filter((at) => within[at] === 1);
  const people = new People(commits, signatories, needed);
  return { range: people.of(rows), mergers: new Set(), merger: signatories.signer(row) };
}

/** Detours that are looked up for one history: each costs a walk over all of it. */
const MAX_DETOURS = 200;

/**
 * Looks up how commits came to be. Undefined beyond a bound, of a commit that is not in the table, and where the table
 * does not reach back to where the way left the line. `line`: tip first.
 */
export function detoursOf(
  commits: CommitTable,
  signatories: Signatories,
  line: readonly CommitId[],
  introduction: CommitId,
  needed: NeededSigners,
): (to: CommitId) => Detour | undefined {
  const people = new People(commits, signatories, needed);
  const known = new Map<CommitId, Detour | undefined>();
  const oldest = commits.get(line.at(-1)!);
  const isWhole = oldest?.parents[0] === introduction;
  const find = (row: number): Detour | undefined => {
    if (row < 0 || !commits.holds(row)) return undefined;
    const within = reachableRows(commits, [row]);
    const left = line.find((id) => within[commits.row(id)] === 1);
    if (left === undefined && !isWhole) return undefined;
    const before = left === undefined ? undefined : reachableRows(commits, [commits.row(left)]);
    const way = [...within.keys()].filter((at) => within[at] === 1 && before?.[at] !== 1);
    return { left, range: people.of(way) };
  };
  return (to) => {
    if (known.has(to) || known.size >= MAX_DETOURS) return known.get(to);
    const detour = find(commits.row(to));
    known.set(to, detour);
    return detour;
  };
}

function newlyReached(commits: CommitTable, from: number, seen: Uint8Array): number[] {
  const found: number[] = [];
  const stack = [from];
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    for (let i = 0; i < commits.parentCount(row); i++) {
      const parent = commits.parentRow(row, i);
      if (seen[parent] === 1 || !commits.holds(parent)) continue;
      seen[parent] = 1;
      found.push(parent);
      stack.push(parent);
    }
  }
  return found;
}

/** Sets of people, each made once: most commits are by one of a few. */
class People {
  private readonly commits: CommitTable;
  private readonly signatories: Signatories;
  private readonly needed: NeededSigners;
  private readonly known = new Map<string, ReadonlySet<PrincipalName>>();

  constructor(commits: CommitTable, signatories: Signatories, needed: NeededSigners) {
    this.commits = commits;
    this.signatories = signatories;
    this.needed = needed;
  }

  of(rows: readonly number[]): ReadonlySet<PrincipalName> {
    const names = new Set<PrincipalName>();
    for (const row of rows) {
      for (const name of this.commits.wroteAt(row)) names.add(name);
      for (const name of this.signatories.ownSigner(row)) names.add(name);
      for (const name of this.needed(row)) names.add(name);
    }
    const key = [...names].sort().join(" ");
    const set = this.known.get(key) ?? names;
    this.known.set(key, set);
    return set;
  }
}
