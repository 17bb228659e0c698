/**
 * Row numbers for object ids, kept as bytes: 20 to 32 of them an id, and no string.
 *
 * Claim: looking one up takes a few steps, whichever ids there are. Against: somebody who makes commits by the
 * thousand until their ids fall into one place of the table, and each look-up walks over all of them. So the place
 * depends on every byte of an id and on numbers drawn for this table alone; no answer depends on these.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";

/** Words of 32 bits in the longest id, and one to start from. */
const SEED_WORDS = 9;
const FREE = -1;
const FIRST_ROWS = 256;

export class IdIndex {
  /** How many ids it holds. Rows count from 0, in the order in which ids came. */
  size = 0;
  /** Bytes of an id, by the first that came: a repository names its objects by one hash. 0 before that. */
  width = 0;
  readonly #seed = crypto.getRandomValues(new Uint32Array(SEED_WORDS));
  #bytes = Buffer.alloc(0);
  #words = new Int32Array(0);
  #slots = new Int32Array(0);
  /** The id that is looked for, as bytes and as words. */
  readonly #sought = Buffer.from(new ArrayBuffer(32));
  readonly #soughtWords = new Int32Array(this.#sought.buffer);

  /** The row of an id; -1 where it is not here. */
  find(id: string): number {
    if (this.size === 0 || !this.#seek(id)) return FREE;
    return this.#slots[this.#slot()]!;
  }

  /** The row of an id, a new one where it is not here yet. Throws `RangeError` for what is no id of this width. */
  intern(id: string): number {
    this.#open(id.length / 2);
    if (!this.#seek(id)) throw new RangeError("is no object id, or one of another length");
    return this.#internSought();
  }

  /** As `intern`, from the bytes at an offset. */
  internBytes(bytes: Uint8Array, at: number, width: number): number {
    this.#open(width);
    if (width !== this.width) throw new RangeError("is an object id of another length");
    for (let i = 0; i < width; i++) this.#sought[i] = bytes[at + i]!;
    return this.#internSought();
  }

  /** The id in hex. */
  at(row: number): CommitId {
    return this.#bytes.toString("hex", row * this.width, (row + 1) * this.width) as CommitId;
  }

  /** A row's bytes, not to be changed and good until the next id comes. */
  bytesAt(row: number): Uint8Array {
    return this.#bytes.subarray(row * this.width, (row + 1) * this.width);
  }

  #open(width: number): void {
    if (this.width !== 0) return;
    if (width !== 20 && width !== 32) throw new RangeError("is no object id");
    this.width = width;
    this.#grow(FIRST_ROWS);
  }

  #seek(id: string): boolean {
    return id.length === this.width * 2 && this.#sought.write(id, "hex") === this.width;
  }

  #internSought(): number {
    const slot = this.#slot();
    const known = this.#slots[slot]!;
    if (known !== FREE) return known;
    const row = this.size++;
    this.#slots[slot] = row;
    const per = this.width >> 2;
    for (let i = 0; i < per; i++) this.#words[row * per + i] = this.#soughtWords[i]!;
    if (this.size * this.width === this.#bytes.length) this.#grow(this.size + (this.size >> 1));
    return row;
  }

  /** Where the sought id stands, or would. At most two thirds of the places are taken. */
  #slot(): number {
    const mask = this.#slots.length - 1;
    const per = this.width >> 2;
    let slot = this.#place(this.#soughtWords, 0, per) & mask;
    for (let row = this.#slots[slot]!; row !== FREE; row = this.#slots[slot]!) {
      if (this.#isSought(row * per, per)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #isSought(from: number, per: number): boolean {
    for (let i = 0; i < per; i++) if (this.#words[from + i] !== this.#soughtWords[i]) return false;
    return true;
  }

  /** Each word times a number of its own, and the sum's high bits folded onto the low ones that pick the place. */
  #place(words: Int32Array, from: number, per: number): number {
    let sum = this.#seed[per]!;
    for (let i = 0; i < per; i++) sum = (sum + Math.imul(words[from + i]!, this.#seed[i]!)) | 0;
    sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
    return sum ^ (sum >>> 13);
  }

  #grow(rows: number): void {
    const bytes = new ArrayBuffer(rows * this.width);
    const before = this.#bytes;
    this.#bytes = Buffer.from(bytes);
    before.copy(this.#bytes);
    this.#words = new Int32Array(bytes);
    if (this.#slots.length * 2 < rows * 3) this.#placeAll(rows);
  }

  #placeAll(rows: number): void {
    const per = this.width >> 2;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(rows * 1.5))).fill(FREE);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.size; row++) {
      let slot = this.#place(this.#words, row * per, per) & mask;
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask;
      this.#slots[slot] = row;
    }
  }
}
