/**
 * Which signed files an unsigned one may have come from, by sketch.
 *
 * Claims: every entry is compared, in one pass over packed bytes whose length nothing but the number of entries
 * decides, so no choice of files makes a question slow. Paths only order what is equally like: a key they are not.
 * Leaves out: proof. What it answers are candidates, to be compared by their bytes.
 */
import { BINS, sketchOf } from "./sketch.ts";
import { SketchTable } from "./sketch-table.ts";

/** Fewer equal bins than these are chance: unrelated files have 4 to 6 with the likest of 40,000. */
export const LIKE = 7;
/** With so many it is the same file, patched. */
export const SAME_FILE = 32;
/** Candidates that are worth comparing by their bytes. */
export const MOST_CANDIDATES = 10;

export interface Candidate {
  /** SHA-256 of the content, in hex. */
  readonly sha256: string;
  /** Equal bins, `LIKE` to `BINS`. */
  readonly equal: number;
}

const WORDS = BINS / 4;

export class NearestIndex {
  /** What is kept of it between runs. */
  readonly table = new SketchTable();
  /** By row, the hash of a path at which its content is signed. */
  readonly #paths: number[] = [];

  get size(): number {
    return this.table.size;
  }

  has(sha256: string): boolean {
    return this.table.has(sha256);
  }

  /** Takes in a file; one without words is known, and never like another. Of several paths the first is kept. */
  add(sha256: string, path: string, content: Uint8Array): void {
    this.addSketch(sha256, path, sketchOf(content));
  }

  /** As `add`, of a file whose sketch is known. */
  addSketch(sha256: string, path: string, sketch: Uint8Array | undefined): void {
    const row = this.table.add(sha256, sketch);
    if (row === this.#paths.length) this.#paths.push(hashOf(path));
  }

  /** The entries most like a file, best first; of those equally like it, the ones of its path before the others. */
  query(content: Uint8Array, path: string, most: number = MOST_CANDIDATES): Candidate[] {
    const sketch = sketchOf(content);
    if (!sketch) return [];
    const equal = this.#compare(sketch);
    return this.#best(equal, hashOf(path), most).map((row) => ({
      sha256: this.table.contentAt(row),
      equal: equal[row]!,
    }));
  }

  /** Equal bins of each row. */
  #compare(sketch: Uint8Array): Uint8Array {
    const words = this.table.words();
    const sought = new Int32Array(Uint8Array.from(sketch).buffer);
    const equal = new Uint8Array(this.size);
    for (let row = 0, at = 0; row < equal.length; row++) {
      let counts = 0;
      for (let i = 0; i < WORDS; i++) counts += zeroBytes(words[at++]! ^ sought[i]!);
      equal[row] = Math.imul(counts, 0x0101_0101) >>> 24;
    }
    return equal;
  }

  #best(equal: Uint8Array, path: number, most: number): number[] {
    const least = leastOfBest(equal, most);
    const elsewhere = (row: number) => (this.#paths[row] === path ? 0 : 1);
    const rows: number[] = [];
    // Thousands may be equally like it: of those, no more are sorted than can be answered.
    const left: [here: number, elsewhere: number] = [most, most];
    for (let row = 0; row < equal.length; row++) {
      if (equal[row]! > least || (equal[row] === least && left[elsewhere(row)]-- > 0)) rows.push(row);
    }
    rows.sort((a, b) => equal[b]! - equal[a]! || elsewhere(a) - elsewhere(b) || a - b);
    return rows.slice(0, most);
  }
}

/** How many equal bins the best `most` have at least. */
function leastOfBest(equal: Uint8Array, most: number): number {
  const rows = new Uint32Array(BINS + 1);
  for (const count of equal) rows[count]!++;
  let least: number = BINS;
  for (let above = rows[least]!; least > LIKE && above < most; ) above += rows[--least]!;
  return least;
}

/** A one in each byte of the result whose byte of the word is zero: four bins at once, without a branch. */
function zeroBytes(word: number): number {
  const low = (word & 0x7f7f_7f7f) + 0x7f7f_7f7f;
  return ~(low | word | 0x7f7f_7f7f) >>> 7;
}

/** FNV-1a. Two paths of one hash only come into an order that is of no consequence. */
function hashOf(path: string): number {
  let hash = 0x811c_9dc5 | 0;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x0100_0193);
  return hash;
}
