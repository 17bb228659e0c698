/** The shape of a history: who descends from whom, over facts already checked. */
import type { CommitId } from "@firstmile/formats/git/object-id";

/** Anything with parents; a commit that is not in the map is outside what was read. */
export type Graph = ReadonlyMap<CommitId, { readonly parents: readonly CommitId[] }>;

/** All of `tips` and their ancestors inside the graph. */
export function reachable(graph: Graph, tips: Iterable<CommitId>): Set<CommitId> {
  const seen = new Set<CommitId>();
  const stack = [...tips];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (seen.has(id) || !graph.has(id)) continue;
    seen.add(id);
    stack.push(...graph.get(id)!.parents);
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
export function mergeBases(
  graph: Graph,
  order: ReadonlyMap<CommitId, number>,
  a: CommitId,
  b: CommitId,
): CommitId[] | undefined {
  const sides = new Map<CommitId, number>([[a, LEFT]]);
  sides.set(b, (sides.get(b) ?? 0) | RIGHT);
  const queue = new YoungestFirst(order);
  queue.push(a);
  if (b !== a) queue.push(b);
  const bases: CommitId[] = [];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    const commit = graph.get(id);
    if (!commit) return undefined;
    let side = sides.get(id)!;
    if (side === (LEFT | RIGHT)) {
      bases.push(id);
      side |= STALE;
    }
    for (const parent of commit.parents) {
      const before = sides.get(parent);
      sides.set(parent, (before ?? 0) | side);
      if (before === undefined) queue.push(parent);
    }
    if (queue.every((waiting) => (sides.get(waiting)! & STALE) !== 0)) break;
  }
  return bases;
}

const LEFT = 1;
const RIGHT = 2;
const STALE = 4;

/** A heap that gives descendants before their ancestors: by position in a children-first order. */
class YoungestFirst {
  private readonly items: CommitId[] = [];
  private readonly order: ReadonlyMap<CommitId, number>;

  constructor(order: ReadonlyMap<CommitId, number>) {
    this.order = order;
  }

  push(id: CommitId): void {
    this.items.push(id);
    this.items.sort((x, y) => this.position(y) - this.position(x));
  }

  pop(): CommitId | undefined {
    return this.items.pop();
  }

  every(test: (id: CommitId) => boolean): boolean {
    return this.items.every(test);
  }

  private position(id: CommitId): number {
    return this.order.get(id) ?? Number.POSITIVE_INFINITY;
  }
}
