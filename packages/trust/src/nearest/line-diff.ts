/**
 * Which lines of a file are those of another, in their order: anchors at lines that each has once (Cohen's patience
 * diff), Myers' comparison between them.
 *
 * Claims: what it calls equal is equal byte for byte, in ascending order in both files; and it ends soon. Against: two
 * files made to be slow to compare. Work is counted, and what is left when it is used up differs as a whole. Leaves
 * out: the shortest of all differences.
 */
import { anchors } from "./anchors.ts";
import { LineNumbers, Lines } from "./lines.ts";
import { Budget, shortestEdit } from "./shortest-edit.ts";

/** Lines `[beforeFrom, beforeTo)` stand as `[afterFrom, afterTo)` in the other file. Counted from 0. */
export interface Hunk {
  readonly beforeFrom: number;
  readonly beforeTo: number;
  readonly afterFrom: number;
  readonly afterTo: number;
}

export interface LineDiff {
  readonly before: Lines;
  readonly after: Lines;
  /** For each line of `after`, the equal line of `before` that it keeps, or -1; ascending. */
  readonly kept: Int32Array;
  /** Ascending; between two of them at least one line is equal. */
  readonly hunks: readonly Hunk[];
}

/** The largest file of nixpkgs has 16 MB and half a million lines. */
const MAX_BYTES = 32 << 20;
const MAX_LINES = 1_000_000;
/** How often each line may be looked at, and what small files may take anyway: some tenths of a second. */
const LOOKS = 10;
const MIN_WORK = 2_000_000;

/** Undefined where a file is too large to be compared. */
export function lineDiff(before: Uint8Array, after: Uint8Array): LineDiff | undefined {
  if (Math.max(before.length, after.length) > MAX_BYTES) return undefined;
  const [a, b] = [new Lines(before), new Lines(after)];
  if (Math.max(a.count, b.count) > MAX_LINES) return undefined;
  const numbers = new LineNumbers();
  const kept = new Matcher(numbers.of(a), numbers.of(b)).match();
  return { before: a, after: b, kept, hunks: hunksBetween(kept, a.count) };
}

/** How many lines of the second file are the first one's too. */
export function keptLines({ kept }: LineDiff): number {
  return kept.reduce((count, line) => count + (line < 0 ? 0 : 1), 0);
}

/** Lines of both files that are still to be compared with each other. */
interface Region {
  readonly a: number;
  readonly aEnd: number;
  readonly b: number;
  readonly bEnd: number;
}

class Matcher {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  readonly #kept: Int32Array;
  readonly #budget: Budget;

  constructor(a: Int32Array, b: Int32Array) {
    this.#a = a;
    this.#b = b;
    this.#kept = new Int32Array(b.length).fill(-1);
    this.#budget = new Budget(Math.max(MIN_WORK, LOOKS * (a.length + b.length)));
  }

  /** A stack of our own: how deep regions lie in each other is up to whoever wrote the files. */
  match(): Int32Array {
    const open: Region[] = [{ a: 0, aEnd: this.#a.length, b: 0, bEnd: this.#b.length }];
    for (let region = open.pop(); region; region = open.pop()) {
      const { a, aEnd, b, bEnd } = this.#trimmed(region);
      if (a === aEnd || b === bEnd || !this.#budget.spend(aEnd - a + bEnd - b)) continue;
      const [left, right] = [this.#a.subarray(a, aEnd), this.#b.subarray(b, bEnd)];
      const fixed = anchors(left, right);
      if (fixed.length === 0) this.#compare(left, right, a, b);
      else open.push(...between(fixed, { a, aEnd, b, bEnd }));
    }
    return this.#kept;
  }

  /** Takes what is equal at both ends, and leaves what is between. */
  #trimmed({ a: fromA, aEnd: toA, b: fromB, bEnd: toB }: Region): Region {
    let [a, aEnd, b, bEnd] = [fromA, toA, fromB, toB];
    while (a < aEnd && b < bEnd && this.#a[a] === this.#b[b]) this.#kept[b++] = a++;
    while (a < aEnd && b < bEnd && this.#a[aEnd - 1] === this.#b[bEnd - 1]) this.#kept[--bEnd] = --aEnd;
    return { a, aEnd, b, bEnd };
  }

  #compare(left: Int32Array, right: Int32Array, fromA: number, fromB: number): void {
    const kept = shortestEdit(left, right, this.#budget);
    for (const [line, partner] of kept?.entries() ?? []) {
      if (partner >= 0) this.#kept[fromB + line] = fromA + partner;
    }
  }
}

/** What anchors cut a region into; each begins with its anchor, which trimming takes. */
function between(
  fixed: readonly (readonly [a: number, b: number])[],
  { a, aEnd, b, bEnd }: Region,
): Region[] {
  const cuts = [[0, 0] as const, ...fixed];
  return cuts.map(([i, j], place) => {
    const [endA, endB] = cuts[place + 1] ?? [aEnd - a, bEnd - b];
    return { a: a + i, aEnd: a + endA, b: b + j, bEnd: b + endB };
  });
}

function hunksBetween(kept: Int32Array, beforeLines: number): Hunk[] {
  const hunks: Hunk[] = [];
  let [before, after] = [0, 0];
  for (let line = 0; line <= kept.length; line++) {
    const partner = line < kept.length ? kept[line]! : beforeLines;
    if (partner < 0) continue;
    if (partner > before || line > after)
      hunks.push({ beforeFrom: before, beforeTo: partner, afterFrom: after, afterTo: line });
    [before, after] = [partner + 1, line + 1];
  }
  return hunks;
}
