/** One field of a header exchanged for something that readers could take in two ways. */
import type { Random } from "../fuzz.ts";
import { BLOCK, type Member, setContent, setSum, taken } from "./members.ts";
import { BEHIND, KEYS, MAGICS, NAMES, PREFIXES, TARGETS, TYPES, VALUES, WHITE } from "./odd-texts.ts";

/** Changes the member, and mostly mends its checksum. */
export function fieldChange(member: Member, random: Random): void {
  const { header } = member;
  const change = taken(CHANGES, random);
  change(member, random);
  if (header.length === BLOCK && random() < 0.97) setSum(header);
  if (random() < 0.04) header.write(numberText(random, 8, sumOf(header)), 148, 8, "latin1");
}

type Change = (member: Member, random: Random) => void;

const number =
  (start: number, length: number): Change =>
  ({ header }, random) => {
    const old = Number.parseInt(header.toString("latin1", start, start + length), 8) || 0;
    write(
      header,
      start,
      length,
      numberText(random, length, random() < 0.8 ? old : Math.floor(random() * 3000)),
    );
  };

const text =
  (start: number, length: number, texts: readonly string[]): Change =>
  ({ header }, random) => {
    const own = /^[^\0]*/.exec(header.toString("latin1", start, start + length))![0];
    const chosen =
      random() < 0.7 ? taken(texts, random) : own + taken(["\0x", "\0", "/", " ", "\n", "x", "\xff"], random);
    write(header, start, length, chosen);
  };

const CHANGES: readonly Change[] = [
  number(100, 8),
  number(100, 8),
  number(124, 12),
  number(124, 12),
  number(108, 8),
  number(116, 8),
  number(136, 12),
  number(329, 8),
  number(337, 8),
  text(0, 100, NAMES),
  text(0, 100, NAMES),
  text(157, 100, TARGETS),
  text(265, 32, ["root", "\xff", "a\0b", ""]),
  text(297, 32, ["root", "a\0b", "\n"]),
  text(345, 155, PREFIXES),
  text(345, 155, PREFIXES),
  text(500, 12, ["x", "tar\0", "\0\0\0\0\0\0\0\0tar\0"]),
  text(257, 8, MAGICS),
  text(257, 8, MAGICS),
  ({ header }, random) => void header.write(taken(TYPES, random), 156, 1, "latin1"),
  ({ header }, random) => void header.writeUInt8(Math.floor(random() * 256), Math.floor(random() * BLOCK)),
  asPax,
  asPax,
  asPax,
  asLong,
];

function write(header: Buffer, start: number, length: number, value: string): void {
  header.fill(0, start, start + length);
  header.write(value.slice(0, length), start, length, "latin1");
}

/** A value with what may stand around it, or in another base. */
function numberText(random: Random, length: number, value: number): string {
  const digits = value.toString(8);
  if (random() < 0.1) {
    const first = taken([0x80, 0xff, 0xc0, 0x81, 0xa0], random);
    const bytes = Buffer.alloc(length, first === 0xff ? 0xff : 0);
    bytes[0] = first;
    bytes.writeUInt32BE(value >>> 0, length - 4);
    return bytes.toString("latin1");
  }
  const [before, behind] = [taken(WHITE, random), taken(BEHIND, random)];
  const filled =
    random() < 0.7
      ? digits.padStart(length - before.length - behind.length, taken(["0", " "], random))
      : digits;
  return before + filled + behind;
}

function sumOf(header: Buffer): number {
  return Number.parseInt(header.toString("latin1", 148, 156), 8) || 0;
}

/** Becomes an extended header of records that fit its neighbour, or do not. */
function asPax(member: Member, random: Random): void {
  const records = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
    const key = taken(KEYS, random);
    const fitting = key === "path" ? NAMES : key === "linkpath" ? TARGETS : VALUES;
    return record(key, taken(random() < 0.8 ? fitting : VALUES, random), random);
  });
  if (random() < 0.1) records.push(records[0]!);
  setContent(member, Buffer.from(records.join(""), "latin1"));
  header(member, random() < 0.9 ? "x" : "g", "pax");
}

function asLong(member: Member, random: Random): void {
  const long = `hello/${"n".repeat(taken([1, 90, 100, 200], random))}`;
  const name = taken([...NAMES, long, long], random) + taken(["\0", "\0", "\0", "", "\0\0", "\0x\0"], random);
  setContent(member, Buffer.from(name, "latin1"));
  header(member, taken(["L", "K"], random), random() < 0.9 ? "././@LongLink" : "x");
  if (random() < 0.9) member.header.write("ustar  \0", 257, "latin1");
}

function header({ header }: Member, type: string, name: string): void {
  write(header, 0, 100, name);
  write(header, 157, 100, "");
  header.write(type, 156, "latin1");
}

function record(key: string, value: string, random: Random): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  if (random() < 0.05) length += taken([-1, 1, 2], random);
  return `${taken(["", "", "", "", "", "", "", "0", " "], random)}${length}${rest}`;
}
