/** Lines that two stretches of text have exactly once each, in an order that both have: what a comparison can hold on to. */

const TWICE = -1;

/** Pairs of places, ascending in both: the longest such list (patience sorting). */
export function anchors(a: Int32Array, b: Int32Array): (readonly [a: number, b: number])[] {
  const [inA, inB] = [placesOf(a), placesOf(b)];
  const pairs: [number, number][] = [];
  for (const [line, j] of inB) {
    const i = inA.get(line);
    if (i !== undefined && i !== TWICE && j !== TWICE) pairs.push([i, j]);
  }
  // A map gives out what was put in first: the pairs ascend in `b`.
  return longestAscending(pairs);
}

/** Where each line stands; `TWICE` for one that is there more than once. */
function placesOf(lines: Int32Array): Map<number, number> {
  const places = new Map<number, number>();
  for (const [place, line] of lines.entries()) places.set(line, places.has(line) ? TWICE : place);
  return places;
}

/** The longest list of pairs that ascend in their first place as well. */
function longestAscending(pairs: readonly [number, number][]): [number, number][] {
  /** For each length of a list, the pair with the lowest end that closes one, and for each pair the one before it. */
  const ends: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  for (const [index, [place]] of pairs.entries()) {
    const length = firstNotBelow(ends, place, pairs);
    if (length > 0) before[index] = ends[length - 1]!;
    ends[length] = index;
  }
  const list: [number, number][] = [];
  for (let index = ends.at(-1) ?? -1; index >= 0; index = before[index]!) list.push(pairs[index]!);
  return list.reverse();
}

function firstNotBelow(ends: readonly number[], place: number, pairs: readonly [number, number][]): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pairs[ends[middle]!]![0] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
