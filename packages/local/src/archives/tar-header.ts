/**
 * One header block of a tar archive. POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 *
 * Claims: each field of an accepted block has one reading. Against: fields that GNU tar, libarchive and Nix read in
 * different ways, such as a number after a line feed, a sign or a NUL, text behind a NUL, a magic that only some know.
 * A block is accepted when each byte has the value that its grammar gives it; every byte counts.
 * Leaves out what several blocks mean together: tar.ts.
 */
import { ArchiveRefused } from "./refused.ts";

export const BLOCK = 512;

/** By the magic; v7 has none. */
export type Dialect = "posix" | "gnu" | "v7";

export interface TarHeader {
  readonly dialect: Dialect;
  readonly type: string;
  /** With the prefix in front, as a byte string; empty where the block gives none. */
  readonly path: string;
  readonly target: string;
  readonly mode: number;
  readonly size: number;
}

/** @throws {ArchiveRefused} naming the offset `at` of the block. */
export function readHeader(block: Buffer, at: number): TarHeader {
  const read = new Fields(block, at);
  read.checkSum();
  const dialect = read.dialect();
  read.zero(dialect === "posix" ? 500 : 345, BLOCK);
  read.owners();
  for (const field of IGNORED) read.ignoredNumber(field);
  const name = read.text(0, 100);
  const prefix = dialect === "posix" ? read.text(345, 155) : "";
  if (prefix !== "" && name === "") refuse(at, "it has a prefix without a name");
  return {
    dialect,
    type: String.fromCharCode(block[156]!),
    path: prefix === "" ? name : `${prefix}/${name}`,
    target: read.text(157, 100),
    mode: read.number(100, 8),
    size: read.number(124, 12),
  };
}

/** User, group and time: every reader reads them, and none of it is in the tree. Bytes that base 256 may fill. */
const IGNORED = [
  { start: 108, length: 8, bytes: 4, signed: false },
  { start: 116, length: 8, bytes: 4, signed: false },
  { start: 136, length: 12, bytes: 5, signed: true },
] as const;

/** Spaces, digits, and then spaces and NULs alone. Readers differ about any other white space, signs and garbage. */
const OCTAL = /^ *([0-7]{1,12})[ \0]*$/;

class Fields {
  readonly #block: Buffer;
  readonly #at: number;

  constructor(block: Buffer, at: number) {
    this.#block = block;
    this.#at = at;
  }

  dialect(): Dialect {
    const magic = this.#raw(257, 8);
    if (magic === "ustar\x0000") return "posix";
    if (magic === "ustar  \0") return "gnu";
    if (/^\0*$/.test(magic)) return "v7";
    return refuse(
      this.#at,
      `it has the magic ${JSON.stringify(magic)}, which readers take for different formats`,
    );
  }

  /** The sum of the block's bytes, its own field taken as spaces. */
  checkSum(): void {
    let sum = 8 * 0x20;
    for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += this.#block[i]!;
    if (sum !== this.number(148, 8)) refuse(this.#at, "it has a header whose checksum is wrong");
  }

  owners(): void {
    this.text(265, 32);
    this.text(297, 32);
    for (const start of [329, 337]) if (!this.#isZero(start, 8)) this.number(start, 8);
  }

  /** Up to the first NUL; whatever follows must be NUL too. */
  text(start: number, length: number): string {
    const match = /^([^\0]*)\0*$/.exec(this.#raw(start, length));
    return match?.[1] ?? refuse(this.#at, "it has text after the end of a name");
  }

  number(start: number, length: number): number {
    const digits = OCTAL.exec(this.#raw(start, length))?.[1];
    return digits === undefined
      ? refuse(
          this.#at,
          `it has the number ${JSON.stringify(this.#raw(start, length))}, which is not plain octal`,
        )
      : Number.parseInt(digits, 8);
  }

  /** As `number`, or absent, or in base 256: one byte for the sign, and a value that every reader's type holds. */
  ignoredNumber({ start, length, bytes, signed }: (typeof IGNORED)[number]): void {
    if (this.#isZero(start, length)) return;
    const sign = this.#block[start]!;
    if (sign !== 0x80 && !(signed && sign === 0xff)) return void this.number(start, length);
    const filling = this.#block.subarray(start + 1, start + length - bytes);
    if (!filling.every((byte) => byte === (sign === 0x80 ? 0 : 0xff)))
      refuse(this.#at, "it has a number for user, group or time that is too large");
  }

  zero(start: number, end: number): void {
    if (!this.#isZero(start, end - start)) refuse(this.#at, "it has bytes that its format does not know");
  }

  #raw(start: number, length: number): string {
    return this.#block.toString("latin1", start, start + length);
  }

  #isZero(start: number, length: number): boolean {
    return isZero(this.#block.subarray(start, start + length));
  }
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

export function refuse(at: number, problem: string): never {
  throw new ArchiveRefused(`at ${at}: ${problem}`);
}
