import { FormatError, type FormatName } from "./error.ts";

/**
 * Reads big-endian fields from bytes, front to back. Every read names its field, so that a truncated or
 * oversized input fails with a `FormatError` that says which field and where. Slices are views, not copies.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly format: FormatName;
  /** Added to offsets in errors, for a reader over part of a larger input. */
  readonly base: number;
  offset = 0;

  constructor(bytes: Uint8Array, format: FormatName, base = 0) {
    this.bytes = bytes;
    this.format = format;
    this.base = base;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  fail(field: string, problem: string, at: number = this.offset): never {
    throw new FormatError(this.format, field, this.base + at, problem);
  }

  take(length: number, field: string): Uint8Array {
    if (length > this.remaining) {
      this.fail(field, `needs ${length} bytes, ${this.remaining} are left`);
    }
    const start = this.offset;
    this.offset += length;
    return this.bytes.subarray(start, this.offset);
  }

  u8(field: string): number {
    return this.take(1, field)[0]!;
  }

  u16(field: string): number {
    const b = this.take(2, field);
    return (b[0]! << 8) | b[1]!;
  }

  u32(field: string): number {
    const b = this.take(4, field);
    return ((b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!) >>> 0;
  }

  /** A reader over the next `length` bytes, whose errors still count from the start of the whole input. */
  nested(length: number, field: string): ByteReader {
    const at = this.base + this.offset;
    return new ByteReader(this.take(length, field), this.format, at);
  }

  end(field: string): void {
    if (this.remaining > 0) this.fail(field, `${this.remaining} bytes follow where the input should end`);
  }
}
