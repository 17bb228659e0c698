/**
 * Where the one compressed stream of a file ends.
 *
 * Claims: a file that passes is one gzip member, one xz stream or one zstd frame from its first byte to its last.
 * Against: files of several streams, or with bytes behind, where one reader takes the first part and another all
 * of it, and a third refuses. Formats: RFC 1952, "The .xz File Format" 1.2, RFC 8878.
 * Leaves out whether the stream's content is sound: decompressing it shows that. bzip2 marks its ends with bits
 * in the middle of bytes, so its program is asked (uncompress.ts).
 */
import { ArchiveRefused } from "./refused.ts";

/** Length of a gzip member's header in bytes. @throws {ArchiveRefused} on flags that not every reader knows. */
export function gzipHeaderLength(bytes: Buffer): number {
  const flags = bytes[3] ?? 0xff;
  // Bit 0 says text, and means nothing. Bit 1 was "continued" before it was a checksum of the header.
  if (bytes[2] !== 8 || (flags & 0b11100010) !== 0)
    refuse("it has a gzip header that not every reader knows");
  let at = 10;
  if (flags & 4) at += 2 + (at + 2 <= bytes.length ? bytes.readUInt16LE(at) : bytes.length);
  for (const flag of [8, 16]) if (flags & flag) at = endOfText(bytes, at);
  return at < bytes.length ? at : refuse("it is cut short");
}

function endOfText(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(0, at);
  return end < 0 ? refuse("it is cut short") : end + 1;
}

/** By the footer, the index before it, and the lengths of blocks in there. @throws {ArchiveRefused} */
export function checkOneXzStream(bytes: Buffer): void {
  if (bytes.length < 32 || bytes.toString("latin1", bytes.length - 2) !== "YZ")
    refuse("it does not end with the end of an xz stream");
  const indexLength = (bytes.readUInt32LE(bytes.length - 8) + 1) * 4;
  const start = bytes.length - 12 - indexLength;
  if (start < 12 || bytes[start] !== 0) refuse("its xz index cannot be read");
  const index = new Integers(bytes, start + 1, bytes.length - 12);
  let length = 12 + indexLength + 12;
  for (let records = index.next(); records > 0; records--) {
    length += Math.ceil(index.next() / 4) * 4;
    index.next();
  }
  if (length !== bytes.length) refuse("it is more than one xz stream");
}

/** Variable-length integers of xz: seven bits a byte, lowest first. */
class Integers {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  next(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 49 && this.#at < this.#end; factor *= 128) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return refuse("its xz index cannot be read");
  }
}

/** By walking over the frame's blocks. @throws {ArchiveRefused} */
export function checkOneZstdFrame(bytes: Buffer): void {
  const flags = bytes[4] ?? refuse("it is cut short");
  const isSingle = (flags & 0x20) !== 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
  let at = 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) refuse("it is cut short");
    const header = bytes.readUIntLE(at, 3);
    isLast = (header & 1) !== 0;
    const isRepeated = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : header >> 3);
  }
  if (flags & 4) at += 4;
  if (at !== bytes.length) refuse("it is not one zstd frame");
}

export function refuse(problem: string): never {
  throw new ArchiveRefused(problem);
}
