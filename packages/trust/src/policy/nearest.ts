import { MAX_NAME } from "./names.ts";

/** The known word that `word` was most likely meant to be; undefined where none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  // A hostile key may be as long as the file; distance costs the product of both lengths.
  if (word.length > MAX_NAME) return undefined;
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = editDistance(word, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Fewest insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (Damerau, restricted). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}

const MAX_LISTED = 12;

/** Words in quotes for a sentence, cut short where there are many. */
export function listed(words: Iterable<string>): string {
  const all = [...words].sort();
  const shown = all.slice(0, MAX_LISTED).map(quoted).join(", ");
  return all.length > MAX_LISTED ? `${shown} and ${all.length - MAX_LISTED} more` : shown;
}

/** A word from the file, quoted for a message: control characters escaped, so that no file can drive a terminal. */
export function quoted(word: string): string {
  const cut = word.length > 80 ? `${word.slice(0, 80)}…` : word;
  return JSON.stringify(cut).replace(
    /[\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
