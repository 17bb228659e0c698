/**
 * Reads tar archives: ustar, pax and GNU's long names. POSIX.1-2017, pax, "ustar Interchange Format".
 *
 * Claims: one reading of each archive, the one that GNU tar and libarchive share. Against: archives made so that two
 * readers see two trees, and archives that are anything but files: whatever only some readers understand (sparse
 * files, character sets, a size or path given twice, something behind the end) is refused, as are devices and pipes.
 * Leaves out where the paths lead and whether one is there twice: tree.ts. Owners and times are not looked at.
 */
import { ArchiveRefused } from "./refused.ts";

export type TarEntry = { readonly path: string } & (
  | { readonly kind: "directory" }
  | { readonly kind: "symlink"; readonly target: Uint8Array }
  /** To an earlier file of the archive, by its path there. */
  | { readonly kind: "hardlink"; readonly target: string }
  | { readonly kind: "file"; readonly executable: boolean; readonly content: Uint8Array }
);

const BLOCK = 512;
/** Longest path or link that a header may bring, in bytes. */
const MAX_NAME = 4096;
const MAX_PAX = 1 << 20;

/** Entries in order; paths as byte strings, as they stand there. Throws `ArchiveRefused`. */
export function* tarEntries(archive: Buffer): Generator<TarEntry> {
  let ahead: Ahead = NOTHING_AHEAD;
  for (let at = 0; ; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.length < BLOCK) refuse(at, "it ends without its end mark");
    if (isZero(header)) {
      if (ahead !== NOTHING_AHEAD) refuse(at, "it ends behind an extended header");
      return checkEnd(archive, at);
    }
    checkSum(header, at);
    const type = String.fromCharCode(header[156]!);
    const size = isMeta(type) ? number(header, 124, 12, at) : (ahead.size ?? number(header, 124, 12, at));
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) refuse(at, "it ends inside a file");
    const entry = isMeta(type) ? undefined : entryOf(header, type, content, ahead, at);
    ahead = entry ? NOTHING_AHEAD : aheadOf(type, content, ahead, at);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (entry) yield entry;
  }
}

/** What an extended header says of the entry behind it. */
interface Ahead {
  readonly path?: string;
  readonly target?: string;
  readonly size?: number;
}

const NOTHING_AHEAD: Ahead = {};

/** Headers that speak of others: pax, and GNU's long names and long links. */
function isMeta(type: string): boolean {
  return type === "x" || type === "g" || type === "L" || type === "K";
}

function aheadOf(type: string, content: Buffer, before: Ahead, at: number): Ahead {
  if (type === "g") {
    const said = [...paxRecords(content, at).keys()].find((key) =>
      ["path", "linkpath", "size"].includes(key),
    );
    if (said !== undefined) refuse(at, `it says ${said} of all that follows`);
    return before;
  }
  const said =
    type === "x" ? paxAhead(content, at) : { [type === "L" ? "path" : "target"]: longName(content, at) };
  const twice = Object.keys(said).find((key) => key in before);
  if (twice !== undefined) refuse(at, `it says twice what the ${twice} of an entry is`);
  // Another object than NOTHING_AHEAD also where nothing was said: an entry must follow.
  return { ...before, ...said };
}

function longName(content: Buffer, at: number): string {
  const end = content.indexOf(0);
  if (end < 1 || end > MAX_NAME || !isZero(content.subarray(end)))
    refuse(at, "it has a long name that does not end");
  return content.toString("latin1", 0, end);
}

function paxAhead(content: Buffer, at: number): Ahead {
  const records = paxRecords(content, at);
  const [path, target, size] = [records.get("path"), records.get("linkpath"), records.get("size")];
  if (size !== undefined && !/^\d{1,15}$/.test(size)) refuse(at, "it has a size that is no number");
  return {
    ...(path === undefined ? {} : { path }),
    ...(target === undefined ? {} : { target }),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function paxRecords(content: Buffer, offset: number): ReadonlyMap<string, string> {
  if (content.length > MAX_PAX) refuse(offset, "it has an extended header over the limit");
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const match = /^([1-9]\d{0,7}) ([!-<>-~]{1,100})=/.exec(content.toString("latin1", at, at + 120));
    const length = Number(match?.[1]);
    if (!match || length <= match[0].length || content[at + length - 1] !== 0x0a)
      refuse(offset, "it has an extended header that cannot be read");
    const key = match[2]!;
    // What these mean for names and contents only some readers know.
    if (key.startsWith("GNU.sparse.") || key === "hdrcharset" || records.has(key))
      refuse(offset, `it has an extended header with ${key}, or with that twice`);
    records.set(key, content.toString("latin1", at + match[0].length, at + length - 1));
    at += length;
  }
  return records;
}

function entryOf(header: Buffer, type: string, content: Buffer, ahead: Ahead, at: number): TarEntry {
  const path = ahead.path ?? headerPath(header);
  const target = ahead.target ?? field(header, 157, 100);
  if ([path, target].some((text) => text.length > MAX_NAME || text.includes("\0")) || path === "")
    refuse(at, "it has a name that is empty, too long or has a NUL");
  if (type !== "0" && type !== "\0" && content.length > 0)
    refuse(at, `it has an entry of type ${JSON.stringify(type)} with content`);
  switch (type) {
    case "5":
      return { kind: "directory", path };
    case "2":
      return { kind: "symlink", path, target: Buffer.from(target, "latin1") };
    case "1":
      return { kind: "hardlink", path, target };
    case "0":
    case "\0":
      // Before POSIX a slash at the end made a directory; readers differ about what it makes today.
      if (path.endsWith("/")) refuse(at, "it has a file whose name ends in a slash");
      return { kind: "file", path, executable: (number(header, 100, 8, at) & 0o100) !== 0, content };
    case "3":
    case "4":
    case "6":
      return refuse(at, `it has a device or pipe, ${JSON.stringify(path.slice(0, 200))}`);
    default:
      return refuse(at, `it has an entry of type ${JSON.stringify(type)}`);
  }
}

/** GNU's own format has other fields where POSIX has the start of a long path. */
function headerPath(header: Buffer): string {
  const isPosix = header.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isPosix ? field(header, 345, 155) : "";
  return (prefix && `${prefix}/`) + field(header, 0, 100);
}

function field(header: Buffer, start: number, length: number): string {
  const text = header.toString("latin1", start, start + length);
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

/** Octal digits, or for what these cannot hold a big-endian number behind a first byte of 0x80. */
function number(header: Buffer, start: number, length: number, at: number): number {
  if (header[start] === 0x80) {
    const value = BigInt(`0x${header.toString("hex", start + 1, start + length)}`);
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : refuse(at, "it has a number over any limit");
  }
  const digits = field(header, start, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) refuse(at, "it has a number that is not octal");
  return Number.parseInt(digits, 8);
}

/** The sum of the header's bytes, its own field taken as spaces. */
function checkSum(header: Buffer, at: number): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]!;
  if (sum !== number(header, 148, 8, at)) refuse(at, "it has a header whose checksum is wrong");
}

/** Some readers look on behind the first empty block. */
function checkEnd(archive: Buffer, at: number): void {
  if (!isZero(archive.subarray(at))) refuse(at, "it has something behind its end");
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function refuse(at: number, problem: string): never {
  throw new ArchiveRefused(`at ${at}: ${problem}`);
}
