/**
 * Reads DER (ITU-T X.690 section 10), the encoding of CMS and X.509, front to back and by the caller's schema.
 *
 * Claims: a value has one spelling. Against: BER's freedoms, by which two readers see two values in the same bytes:
 * indefinite lengths, lengths in more bytes than they need, strings in pieces, bytes behind the end. Each is refused.
 * Nothing here recurses: how deep the input nests is the schema's choice, never the input's.
 * Leaves out: tags above 30, which neither CMS nor X.509 uses.
 */
import type { FormatName } from "../bytes/error.ts";
import { ByteReader } from "../bytes/reader.ts";
import { latin1 } from "../bytes/text.ts";

/** Identifier octets (X.690 section 8.1.2): class, whether constructed, number. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific tags: `[n]` over a primitive, or over something constructed. */
export const contextPrimitive = (n: number): number => 0x80 | n;
export const contextConstructed = (n: number): number => 0xa0 | n;

export interface DerElement {
  readonly tag: number;
  /** All of it, identifier and length included. */
  readonly bytes: Uint8Array;
  /** A reader over what is inside, whose errors count from the start of the whole input. */
  readonly inside: ByteReader;
  /** Where it starts in the whole input. */
  readonly at: number;
}

export class DerReader {
  readonly #reader: ByteReader;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  static over(bytes: Uint8Array, format: FormatName): DerReader {
    return new DerReader(new ByteReader(bytes, format));
  }

  get done(): boolean {
    return this.#reader.remaining === 0;
  }

  /** The tag that comes next, or undefined at the end. */
  get ahead(): number | undefined {
    return this.#reader.bytes[this.#reader.offset];
  }

  fail(field: string, problem: string): never {
    return this.#reader.fail(field, problem);
  }

  /** The next element, whatever it is. */
  any(field: string): DerElement {
    const start = this.#reader.offset;
    const tag = this.#reader.u8(field);
    if ((tag & 0x1f) === 0x1f) this.#reader.fail(field, "has a tag above 30", start);
    const length = this.#length(field);
    const inside = this.#reader.nested(length, field);
    return {
      tag,
      bytes: this.#reader.bytes.subarray(start, this.#reader.offset),
      inside,
      at: this.#reader.base + start,
    };
  }

  /** The next element, which must have this tag. */
  element(tag: number, field: string): DerElement {
    if (this.ahead !== tag) this.fail(field, `is not tagged 0x${tag.toString(16)}`);
    return this.any(field);
  }

  optional(tag: number, field: string): DerElement | undefined {
    return this.ahead === tag ? this.any(field) : undefined;
  }

  /** The contents of the next element, which must have this tag: for SEQUENCE, SET and EXPLICIT tags. */
  open(tag: number, field: string): DerReader {
    return new DerReader(this.element(tag, field).inside);
  }

  end(field: string): void {
    this.#reader.end(field);
  }

  /** X.690 section 10.1: definite, and in as few bytes as possible. */
  #length(field: string): number {
    const at = this.#reader.offset;
    const first = this.#reader.u8(field);
    if (first < 0x80) return first;
    if (first === 0x80) this.#reader.fail(field, "has an indefinite length, which DER does not allow", at);
    if (first > 0x83) this.#reader.fail(field, "has a length of 16 MiB or more", at);
    let length = 0;
    for (let i = 0x80; i < first; i++) length = length * 256 + this.#reader.u8(field);
    if (length < 0x80 || length < 2 ** (8 * (first - 0x81))) {
      this.#reader.fail(field, "has a length in more bytes than it needs", at);
    }
    return length;
  }
}

/** OBJECT IDENTIFIER in dotted form. */
export function readOid(reader: DerReader, field: string): string {
  const { inside } = reader.element(Tag.oid, field);
  const arcs: number[] = [];
  for (let arc = 0, started = false; inside.remaining > 0; ) {
    const byte = inside.u8(field);
    if (!started && byte === 0x80) inside.fail(field, "has a padded arc");
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 0xffffffff) inside.fail(field, "has an arc above 32 bits");
    started = byte >= 0x80;
    if (started) continue;
    arcs.push(arc);
    arc = 0;
  }
  if (arcs.length === 0 || (inside.bytes.at(-1) ?? 0x80) >= 0x80) inside.fail(field, "ends within an arc");
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}

/** INTEGER as its two's complement bytes, without needless ones (X.690 section 8.3.2). */
export function readInteger(reader: DerReader, field: string): Uint8Array {
  const { inside } = reader.element(Tag.integer, field);
  const { bytes } = inside;
  const [first, second = 0] = bytes;
  if (first === undefined) inside.fail(field, "is empty");
  if (bytes.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80)) {
    inside.fail(field, "has needless leading bytes");
  }
  return bytes;
}

/** INTEGER from 0 to 127: versions. */
export function readSmallInteger(reader: DerReader, field: string): number {
  const bytes = readInteger(reader, field);
  if (bytes.length !== 1 || bytes[0]! > 0x7f) reader.fail(field, "is not a number below 128");
  return bytes[0]!;
}

export function readBoolean(element: DerElement, field: string): boolean {
  const value = element.inside.u8(field);
  if (value !== 0 && value !== 0xff) element.inside.fail(field, "is neither 0x00 nor 0xff");
  element.inside.end(field);
  return value === 0xff;
}

/** BIT STRING in whole bytes: its bits, the first one the highest of the first byte; the unused ones must be 0. */
export function readBits(reader: DerReader, field: string): Uint8Array {
  const { inside } = reader.element(Tag.bitString, field);
  const unused = inside.u8(field);
  const bits = inside.take(inside.remaining, field);
  const last = bits.at(-1);
  if (unused > 7 || (last === undefined ? unused > 0 : (last & ((1 << unused) - 1)) !== 0)) {
    inside.fail(field, "has stray bits at its end");
  }
  return bits;
}

/** AlgorithmIdentifier (RFC 5280 section 4.1.1.2) whose parameters are absent or NULL. */
export function readPlainAlgorithm(reader: DerReader, field: string): string {
  const inside = reader.open(Tag.sequence, field);
  const oid = readOid(inside, field);
  inside.optional(Tag.null, `${field} parameters`)?.inside.end(`${field} parameters`);
  inside.end(`${field} parameters`);
  return oid;
}

/** UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 has them, in Unix seconds. */
export function readTime(reader: DerReader, field: string): number {
  const { tag, inside } = reader.any(field);
  const text = latin1(inside.bytes);
  const century = tag === Tag.utcTime ? (text < "50" ? "20" : "19") : "";
  const digits = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text);
  if (!digits || (tag !== Tag.utcTime && tag !== Tag.generalizedTime)) {
    return inside.fail(field, "is not a time");
  }
  const [, year, month, day, hour, minute, second] = digits.map(Number);
  const milliseconds = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
  if (new Date(milliseconds).toISOString().replace(/\D/g, "").slice(0, 14) !== digits.slice(1).join("")) {
    inside.fail(field, "is not a date of the calendar");
  }
  return milliseconds / 1000;
}
