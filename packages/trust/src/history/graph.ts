/**
 * The shape of a history: who descends from whom, over facts already checked. Nothing here recurses or spreads a
 * commit's parents over a stack: a hostile history is a million commits deep, or has commits with 80,000 parents.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CommitTable } from "./commit-table.ts";

/** Anything with parents; a commit that is not in it is outside what was read. */
export interface Graph {
  has(id: CommitId): boolean;
  get(id: CommitId): { readonly parents: readonly CommitId[] } | undefined;
}

/** Positions in an order that gives children before their parents. */
export interface Positions {
  get(id: CommitId): number | undefined;
}

/** All of `tips` and their ancestors inside the graph. */
export function reachable(graph: Graph, tips: Iterable<CommitId>): Set<CommitId> {
  const seen = new Set<CommitId>();
  const stack = [...tips];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (seen.has(id)) continue;
    const commit = graph.get(id);
    if (commit === undefined) continue;
    seen.add(id);
    for (const parent of commit.parents) stack.push(parent);
  }
  return seen;
}

/** As `reachable`, by rows of a table: 1 for each commit with facts that `tips` reach. */
export function reachableRows(table: CommitTable, tips: Iterable<number>): Uint8Array {
  const seen = new Uint8Array(table.rows);
  const stack = [...tips].filter((row) => row >= 0);
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    if (seen[row] === 1 || !table.holds(row)) continue;
    seen[row] = 1;
    for (let i = 0; i < table.parentCount(row); i++) {
      const parent = table.parentRow(row, i);
      if (seen[parent] === 0) stack.push(parent);
    }
  }
  return seen;
}

/** Tip first, then each commit's first parent, until one is outside the graph. */
export function firstParents(graph: Graph, tip: CommitId): CommitId[] {
  const line: CommitId[] = [];
  const seen = new Set<CommitId>();
  for (let id: CommitId | undefined = tip; id !== undefined && graph.has(id) && !seen.has(id); ) {
    line.push(id);
    seen.add(id);
    id = graph.get(id)!.parents[0];
  }
  return line;
}

/**
 * The best common ancestors of two commits, as `git merge-base --all`: common ancestors that are not ancestors of
 * another one. Undefined where the walk leaves the graph before it is sure, so that the caller asks elsewhere.
 */
export function mergeBases(graph: Graph, order: Positions, a: CommitId, b: CommitId): CommitId[] | undefined {
  const walk = new BasesWalk(order);
  walk.reach(a, LEFT);
  walk.reach(b, RIGHT);
  const bases: CommitId[] = [];
  for (let id = walk.next(); id !== undefined; id = walk.next()) {
    const commit = graph.get(id);
    if (!commit) return undefined;
    let side = walk.sideOf(id);
    if (side === (LEFT | RIGHT)) {
      bases.push(id);
      side |= STALE;
    }
    for (const parent of commit.parents) walk.reach(parent, side);
  }
  return bases;
}

const LEFT = 1;
const RIGHT = 2;
/** An ancestor of a base. */
const STALE = 4;

/** Commits from both sides, youngest first, until only ancestors of bases are left. */
class BasesWalk {
  private readonly sides = new Map<CommitId, number>();
  private readonly waiting = new Set<CommitId>();
  private readonly queue: YoungestFirst;
  /** How many of those waiting are not stale. */
  private open = 0;

  constructor(order: Positions) {
    this.queue = new YoungestFirst(order);
  }

  sideOf(id: CommitId): number {
    return this.sides.get(id)!;
  }

  reach(id: CommitId, side: number): void {
    const before = this.sides.get(id);
    const after = (before ?? 0) | side;
    this.sides.set(id, after);
    if (before === undefined) {
      this.queue.push(id);
      this.waiting.add(id);
      if (isOpen(after)) this.open++;
    } else if (this.waiting.has(id) && isOpen(before) && !isOpen(after)) this.open--;
  }

  next(): CommitId | undefined {
    const id = this.open > 0 ? this.queue.pop() : undefined;
    if (id === undefined) return undefined;
    this.waiting.delete(id);
    if (isOpen(this.sides.get(id)!)) this.open--;
    return id;
  }
}

function isOpen(side: number): boolean {
  return (side & STALE) === 0;
}

/** A binary heap that gives descendants before their ancestors; what has no position comes last. */
class YoungestFirst {
  private readonly ids: CommitId[] = [];
  private readonly positions: number[] = [];
  private readonly order: Positions;

  constructor(order: Positions) {
    this.order = order;
  }

  push(id: CommitId): void {
    const position = this.order.get(id) ?? Number.POSITIVE_INFINITY;
    let at = this.ids.length;
    for (let above = (at - 1) >> 1; at > 0 && this.positions[above]! > position; above = (at - 1) >> 1) {
      this.put(at, this.ids[above]!, this.positions[above]!);
      at = above;
    }
    this.put(at, id, position);
  }

  pop(): CommitId | undefined {
    const first = this.ids[0];
    const id = this.ids.pop();
    const position = this.positions.pop();
    if (id !== undefined && position !== undefined && this.ids.length > 0) this.sink(id, position);
    return first;
  }

  private sink(id: CommitId, position: number): void {
    let at = 0;
    for (let below = this.younger(1); below !== undefined; below = this.younger(2 * at + 1)) {
      if (this.positions[below]! >= position) break;
      this.put(at, this.ids[below]!, this.positions[below]!);
      at = below;
    }
    this.put(at, id, position);
  }

  /** The younger of two neighbours; undefined where there is none. */
  private younger(left: number): number | undefined {
    if (left >= this.ids.length) return undefined;
    const right = left + 1;
    return right < this.ids.length && this.positions[right]! < this.positions[left]! ? right : left;
  }

  private put(at: number, id: CommitId, position: number): void {
    this.ids[at] = id;
    this.positions[at] = position;
  }
}
