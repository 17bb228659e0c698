/**
 * Sketches by content, packed: 96 bytes a file, and how they are kept on disk.
 *
 * Claims: bytes that are read back give the table that was written, or are refused whole, so that it is built again.
 * Against: a file cut short, of another version, or changed by accident. Leaves out: somebody who can write this
 * user's files. A wrong sketch would only have a file compared with the wrong other one.
 */
import { encodeHex, equalBytes, latin1 } from "@firstmile/formats/bytes/text";
import { digest } from "../crypto/hash.ts";
import { IdIndex } from "../history/id-index.ts";
import { BINS, SKETCH_VERSION } from "./sketch.ts";

/** Bytes that are no table of this version: it is to be built again. */
export class UnusableTable extends Error {
  constructor(problem: string) {
    super(`table of sketches: ${problem}`);
    this.name = "UnusableTable";
  }
}

const DIGEST = 32;
const FIRST_ROWS = 256;
/** What stands for a file without words. Another file would have it by chance once in 2 ** 512. */
const NO_WORDS = new Uint8Array(BINS);
/** Format, version of the sketches, number of files. */
const HEADER = /^firstmile-sketches 1 (\d{1,6}) (\d{1,8})\n/;
const MAX_HEADER = 64;

export class SketchTable {
  readonly #contents = new IdIndex();
  #sketches = new Uint8Array(FIRST_ROWS * BINS);

  get size(): number {
    return this.#contents.size;
  }

  has(sha256: string): boolean {
    return this.#contents.find(sha256) >= 0;
  }

  /** The row of a content, a new one where it is not here yet. Rows count from 0 in the order of coming. */
  add(sha256: string, sketch: Uint8Array | undefined): number {
    const known = this.size;
    const row = this.#contents.intern(sha256);
    if (this.#contents.width !== DIGEST) throw new RangeError("is no SHA-256 in hex");
    if (row < known) return row;
    if ((row + 1) * BINS > this.#sketches.length) this.#grow();
    this.#sketches.set(sketch ?? NO_WORDS, row * BINS);
    return row;
  }

  /** SHA-256 of a row's content, in hex. */
  contentAt(row: number): string {
    return this.#contents.at(row);
  }

  /** The sketch of a content that is here; undefined where it has no words. Throws `RangeError` where it is not. */
  sketch(sha256: string): Uint8Array | undefined {
    const row = this.#contents.find(sha256);
    if (row < 0) throw new RangeError("is not in the table");
    const sketch = this.#sketches.subarray(row * BINS, (row + 1) * BINS);
    return equalBytes(sketch, NO_WORDS) ? undefined : sketch;
  }

  /** All sketches, four bins in a number, `BINS / 4` numbers a row. Good until the next `add`. */
  words(): Int32Array {
    return new Int32Array(this.#sketches.buffer, 0, (this.size * BINS) / 4);
  }

  /** A line of text, the digests, the sketches, and a SHA-256 over all of these. */
  toBytes(): Uint8Array {
    const digests = new Uint8Array(this.size * DIGEST);
    for (let row = 0; row < this.size; row++) digests.set(this.#contents.bytesAt(row), row * DIGEST);
    const head = Buffer.from(`firstmile-sketches 1 ${SKETCH_VERSION} ${this.size}\n`);
    const parts = [head, digests, this.#sketches.subarray(0, this.size * BINS)];
    return Buffer.concat([...parts, digest("sha256", ...parts)]);
  }

  /** Reads what `toBytes` wrote. Throws `UnusableTable`. */
  static fromBytes(bytes: Uint8Array): SketchTable {
    const { start, count } = checkedHeader(bytes);
    const table = new SketchTable();
    for (let row = 0; row < count; row++) {
      const at = start + row * DIGEST;
      const sketch = start + count * DIGEST + row * BINS;
      table.add(encodeHex(bytes.subarray(at, at + DIGEST)), bytes.subarray(sketch, sketch + BINS));
    }
    if (table.size !== count) throw new UnusableTable("holds a content twice");
    return table;
  }

  #grow(): void {
    const more = new Uint8Array(this.#sketches.length * 2);
    more.set(this.#sketches);
    this.#sketches = more;
  }
}

/** Sizes are compared before anything is allocated for them. */
function checkedHeader(bytes: Uint8Array): { start: number; count: number } {
  const found = HEADER.exec(latin1(bytes.subarray(0, MAX_HEADER)));
  if (!found) throw new UnusableTable("does not begin as one");
  if (found[1] !== String(SKETCH_VERSION)) throw new UnusableTable("is of another version");
  const [start, count] = [found[0].length, Number(found[2])];
  if (bytes.length !== start + count * (DIGEST + BINS) + DIGEST) throw new UnusableTable("is cut or padded");
  const sum = digest("sha256", bytes.subarray(0, -DIGEST));
  if (!equalBytes(sum, bytes.subarray(-DIGEST))) throw new UnusableTable("is damaged");
  return { start, count };
}
