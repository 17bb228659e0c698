/** One field of a header exchanged for something that readers could take in two ways. */
import type { Random } from "../fuzz.ts";
import { BLOCK, type Member, setContent, setSum, taken } from "./members.ts";

const MAGICS = ["ustar\x0000", "ustar  \0", "ustar\0\0\0", "ustar 00", "ustarX00", "ustar\x0001", "ustar\0 0", "\0\0\0\0\0\0\0\0", "GNUtar \0", "USTAR\x0000"];
const TYPES = ["0", "\0", "1", "2", "5", "7", "x", "g", "L", "K", "S", "D", "M", "N", "V", "A", "X", "I", "s", " ", "8"];
const WHITE = [" ", "  ", "\t", "\n", "\v", "\f", "\r", "\xa0", "\x85", "\0", "+", "-", "0x", "0", "", "", ""];
const BEHIND = ["\0", " ", " \0", "\0 ", "", "\t", "\n", "8", "x", "\0x", " 7", "\xa0", "\v\0", ".", "\0\x007"];
const NAMES = [
  "hello/f", "hello/f/", "hello//f", "./hello/f", "hello/./f", "hello/../f", "hello/d/../f", "/hello/f", "hello/new", "hello", "hello/", "other",
  ".", "./", "..", "hello/.git", "hello/.git/config", "hello/.GIT", "hello/git~1", "hello/.gitmodules", "hello/.git ", "hello/.git.", "hello/.git:x", "hello/git~2", "hello/.g\xe2\x80\x8cit", "hello/a\\.git", "hello/.gitx", "hello/a\\b", "hello/a\nb", "hello/\x01", "hello/caf\xc3\xa9", "hello/\xff\xfe", "hello/\xed\xa0\x80",
  "MSCF", "MZ", "#mtree", "PK00PK", "070701", "LZIP", "LRZI", "GRZipII", "xar!", "BZh91AY&SY", "]", "WARC/1.0", "Rar!", "7z", "begin 644 x\n`\nend\n", "!<arch>\n", "hello/._f", "._hello", "hello/-x", "-x", "hello/ ", " hello", "hello/*", "hello/d", "hello/d/x", "hello/link/x", "hello/CON", "hello/a:b",
  "\xc3\xa9", "hello/e\xcc\x81",
];
const TARGETS = ["f", "hello/f", "./hello/f", "hello//f", "/etc/passwd", "../x", "hello/d", "hello/none", "", "f\0g", "\xff", "x\ny", "hello/link", "."];
const PREFIXES = ["", "p", "hello", "hello/", "/", ".", "..", "p\0q", "hello/d", "a".repeat(155), "\xff"];
const KEYS = ["path", "linkpath", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "hdrcharset", "charset", "GNU.sparse.major", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size", "GNU.sparse.map", "SCHILY.realsize", "SCHILY.filetype", "SCHILY.dev", "SCHILY.fflags", "SCHILY.xattr.user.a", "SCHILY.acl.access", "LIBARCHIVE.creationtime", "LIBARCHIVE.xattr.a", "LIBARCHIVE.symlinktype", "RHT.security.selinux", "NODETAR.x", "VENDOR.y", "GNU.dumpdir", "GNU.volume.label", "devmajor", "realtime.x", "Path", "path ", ""];
const VALUES = ["", "0", "1", "-1", "5", "512", "1.5", "-1.5", "1e3", "x", " 1", "1 ", "99999999999999999999", "BINARY", "ISO-IR 10646 2000 UTF-8", "1.5.5", "0x1", "symlink", "a=b", "x\ny", "x\0y", "user::rwx"];

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
    write(header, start, length, numberText(random, length, random() < 0.8 ? old : Math.floor(random() * 3000)));
  };

const text =
  (start: number, length: number, texts: readonly string[]): Change =>
  ({ header }, random) => {
    const own = /^[^\0]*/.exec(header.toString("latin1", start, start + length))![0];
    const chosen = random() < 0.7 ? taken(texts, random) : own + taken(["\0x", "\0", "/", " ", "\n", "x", "\xff"], random);
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
  ({ header }, random) => void (header[Math.floor(random() * BLOCK)] = Math.floor(random() * 256)),
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
  const filled = random() < 0.7 ? digits.padStart(length - before.length - behind.length, taken(["0", " "], random)) : digits;
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
