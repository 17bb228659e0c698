/**
 * Large buffers, used in turn. A 256 KiB read costs one turn of the event loop where four reads of Node's own
 * 64 KiB cost four and leave garbage: nearly twice the throughput at half the memory.
 */
const PIECE_BYTES = 256 * 1024;
/** A piece stays valid until the third read after it: one being written, one withheld, one being read. */
const RING = 3;

/**
 * The buffers of one transfer. They are not handed on to the next: a buffer that the kernel still reads from for a
 * client that broke off would carry another client's bytes.
 */
export class PieceBuffers {
  readonly #ring: Buffer[] = [];
  readonly #bytes: number;
  #at = 0;

  /** `length`: of all that will be read, where that is known. */
  constructor(length: number = PIECE_BYTES) {
    this.#bytes = Math.min(length, PIECE_BYTES);
  }

  next(): Buffer {
    this.#at = (this.#at + 1) % RING;
    this.#ring[this.#at] ??= Buffer.allocUnsafeSlow(this.#bytes);
    return this.#ring[this.#at]!;
  }
}
