/** Myers' greedy O(ND) comparison ("An O(ND) Difference Algorithm and Its Variations", 1986), within a budget. */

/** Work that may still be done, in steps that each look at one line. */
export class Budget {
  left: number;

  constructor(steps: number) {
    this.left = steps;
  }

  /** False where it is used up. */
  spend(steps: number): boolean {
    this.left -= steps;
    return this.left >= 0;
  }
}

/** More edits than this between two anchors are no patch of anything. Memory grows with their square. */
const MAX_EDITS = 500;

/**
 * For each item of `b`, the place of the equal item of `a` that it keeps, or -1; ascending. Undefined where there are
 * too many edits between them, or for the budget.
 */
export function shortestEdit(a: Int32Array, b: Int32Array, budget: Budget): Int32Array | undefined {
  const reached = furthest(a, b, budget);
  return reached && kept(reached, a.length, b.length);
}

/**
 * The furthest place in `a` on each diagonal (place in `a` less place in `b`), for 0 edits, for 1 and so on; entry
 * `edits + diagonal` of each. The last one has come to both ends.
 */
function furthest(a: Int32Array, b: Int32Array, budget: Budget): Int32Array[] | undefined {
  const reached: Int32Array[] = [];
  for (let edits = 0; edits <= MAX_EDITS; edits++) {
    const now = new Int32Array(2 * edits + 1);
    reached.push(now);
    let steps = edits + 1;
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const start = edits === 0 ? 0 : placeAfterEdit(reached[edits - 1]!, edits, diagonal);
      const end = alongEqual(a, b, start, start - diagonal);
      now[edits + diagonal] = end;
      steps += end - start;
      if (end >= a.length && end - diagonal >= b.length) return reached;
    }
    if (!budget.spend(steps)) return undefined;
  }
  return undefined;
}

function alongEqual(a: Int32Array, b: Int32Array, fromA: number, fromB: number): number {
  let [i, j] = [fromA, fromB];
  while (i < a.length && j < b.length && a[i] === b[j]) [i, j] = [i + 1, j + 1];
  return i;
}

/** From the better of the two neighbouring diagonals, one edit before: an item of `b` put in, or one of `a` left out. */
function placeAfterEdit(before: Int32Array, edits: number, diagonal: number): number {
  return cameDown(before, edits, diagonal) ? before[edits + diagonal]! : before[edits + diagonal - 2]! + 1;
}

/** Whether the edit before this place put in an item of `b`, and so came from the diagonal above. */
function cameDown(before: Int32Array, edits: number, diagonal: number): boolean {
  if (diagonal === -edits) return true;
  // Entry `edits - 1 + diagonal ± 1` of what was reached with one edit less.
  return diagonal !== edits && before[edits + diagonal - 2]! < before[edits + diagonal]!;
}

/** Walks back from both ends to both beginnings. */
function kept(reached: readonly Int32Array[], aLength: number, bLength: number): Int32Array {
  const partners = new Int32Array(bLength).fill(-1);
  let [i, j] = [aLength, bLength];
  for (let edits = reached.length - 1; edits >= 0; edits--) {
    const down = edits > 0 && cameDown(reached[edits - 1]!, edits, i - j);
    const start = edits === 0 ? 0 : placeAfterEdit(reached[edits - 1]!, edits, i - j);
    while (i > start) partners[--j] = --i;
    if (edits === 0) break;
    if (down) j--;
    else i--;
  }
  return partners;
}
