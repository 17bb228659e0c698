/**
 * The lines `name value` that commits and tags open with, up to the first empty line. A line that opens with a space
 * continues the one before it. Positions only: nothing is decoded or copied.
 */
import { FormatError, type FormatName } from "../bytes/error.ts";
import type { ObjectId } from "./object-id.ts";

/** Beyond any commit in use: a merge of a hundred signed tags has 200 KB of headers. */
const MAX_HEADERS = 4 * 1024 * 1024;

const LF = 0x0a;
const SPACE = 0x20;

/** Where one header stands in the object. */
export interface HeaderSpan {
  /** First byte of its name. */
  readonly start: number;
  /** First byte of its value. */
  readonly value: number;
  /** One past the newline that ends its last line. */
  readonly end: number;
}

/** Walks the headers front to back. Refuses NUL: Git's own C code would stop reading there, and see another object. */
export class HeaderScanner {
  readonly bytes: Buffer;
  readonly format: FormatName;
  at = 0;
  readonly #limit: number;

  constructor(bytes: Uint8Array, format: FormatName) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.format = format;
    this.#limit = Math.min(bytes.length, MAX_HEADERS);
  }

  fail(field: string, problem: string, at: number = this.at): never {
    throw new FormatError(this.format, field, at, problem);
  }

  /** Whether the next bytes are this ASCII text. */
  startsWith(text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      if (this.bytes[this.at + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The header `name` in one line, which must stand here. */
  line(name: string): HeaderSpan {
    if (!this.startsWith(name) || this.bytes[this.at + name.length] !== SPACE) this.fail(name, "is not here");
    const start = this.at;
    this.at = this.#lineEnd(name, start);
    return { start, value: start + name.length + 1, end: this.at };
  }

  /** The header `name` with an object id as its value, `digits` long. */
  id(name: string, digits: number): HeaderSpan {
    const span = this.line(name);
    if (span.end - span.value !== digits + 1) this.fail(name, `is not ${digits} digits`, span.value);
    for (let i = span.value; i < span.end - 1; i++) {
      if (!isLowerHex(this.bytes[i]!)) this.fail(name, "is not lower-case hexadecimal", i);
    }
    return span;
  }

  /** Whatever header stands here with its continuation lines; undefined at the end of the headers. */
  any(): HeaderSpan | undefined {
    const start = this.at;
    if (start === this.bytes.length) return undefined;
    if (this.bytes[start] === LF) {
      this.at++;
      return undefined;
    }
    const value = this.#valueAfterName(start);
    this.at = this.#lineEnd("header", start);
    while (this.bytes[this.at] === SPACE) this.at = this.#lineEnd("header", this.at);
    return { start, value, end: this.at };
  }

  /** Whether the header's name is exactly this. */
  isNamed(span: HeaderSpan, name: string): boolean {
    return span.value - span.start === name.length + 1 && this.text(span.start, span.value - 1) === name;
  }

  /** Latin-1 text of a range. */
  text(start: number, end: number): string {
    return this.bytes.toString("latin1", start, end);
  }

  /** A name is a letter and then anything printable, as Mercurial's `HG:extra`; a space ends it. */
  #valueAfterName(start: number): number {
    if (!isLetter(this.bytes[start]!)) this.fail("header", "does not open with a name");
    let at = start + 1;
    while (at < this.#limit && isVisible(this.bytes[at]!)) at++;
    if (this.bytes[at] !== SPACE) this.fail("header", "has no space behind its name", at);
    return at + 1;
  }

  #lineEnd(field: string, start: number): number {
    for (let at = start; at < this.#limit; at++) {
      const byte = this.bytes[at];
      if (byte === LF) return at + 1;
      if (byte === 0) this.fail(field, "holds a NUL", at);
    }
    return this.fail(field, "does not end", this.#limit);
  }
}

/** The object id at a span that `HeaderScanner.id` returned. */
export function idAt(bytes: Buffer, span: HeaderSpan): ObjectId {
  return bytes.toString("latin1", span.value, span.end - 1) as ObjectId;
}

/**
 * A header's value with its folding undone: continuation lines lose the space in front. Ends with a newline, as Git
 * hands it to a verifier.
 */
export function unfold(bytes: Buffer, span: HeaderSpan): Uint8Array {
  return Buffer.from(bytes.toString("latin1", span.value, span.end).replaceAll("\n ", "\n"), "latin1");
}

function isLowerHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isVisible(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f;
}
