/**
 * What the extended headers of a tar archive say of the entry behind them: pax records, GNU's long names and links.
 * POSIX.1-2017, pax, "pax Interchange Format".
 *
 * Claims: a record is accepted only where its keyword is in the list below and its value has that keyword's grammar.
 * Against: keywords that only some readers obey (sparse files, character sets, a record for all that follows), and
 * access control lists: libarchive takes the executable bit from those, and GNU tar from the header. Against values that
 * one reader cuts short or spells anew. Owners, times and extended attributes are not in the tree that Nix takes.
 */
import { isUtf8 } from "node:buffer";
import { isZero, refuse } from "./tar-header.ts";

/** Longest path or link that a header may bring, in bytes: with a directory in front it must be a path for the kernel. */
export const MAX_NAME = 2048;
const MAX_PAX = 1 << 20;

export interface Ahead {
  readonly path?: string;
  readonly target?: string;
  /** Must be what the entry's own header says. */
  readonly size?: number;
}

const TEXT = /^[^\0]*$/;
const TIME = /^-?\d{1,11}(?:\.\d{1,9})?$/;
const NUMBER = /^\d{1,10}$/;
/** Below 4,200,000,000: GNU tar refuses those that do not fit into 32 bits. */
const OWNER = /^(?:\d{1,9}|[1-3]\d{9}|4[01]\d{8})$/;
const ANY = /^/;

/** Every keyword that may occur, with the form of its value. */
const KEYWORDS: readonly (readonly [RegExp, RegExp])[] = [
  [/^(?:path|linkpath)$/, /^[^\0]+$/],
  [/^size$/, NUMBER],
  [/^(?:mtime|atime|ctime|LIBARCHIVE\.creationtime)$/, TIME],
  [/^(?:uid|gid)$/, OWNER],
  [/^(?:uname|gname|comment)$/, TEXT],
  [/^SCHILY\.(?:dev|ino|nlink)$/, /^-?\d{1,20}$/],
  [/^(?:SCHILY|LIBARCHIVE)\.xattr\./, ANY],
  [/^RHT\.security\.selinux$/, ANY],
  [/^NODETAR\./, TEXT],
];

/** Of a pax header (`x`). @throws {ArchiveRefused} */
export function paxAhead(content: Buffer, at: number): Ahead {
  const records = paxRecords(content, at);
  const [path, target, size] = [records.get("path"), records.get("linkpath"), records.get("size")];
  return {
    ...(path === undefined ? {} : { path }),
    ...(target === undefined ? {} : { target }),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
}

/** A pax header for all that follows (`g`): Git puts the commit's id into its comment. */
export function checkGlobal(content: Buffer, at: number): void {
  const said = [...paxRecords(content, at).keys()].find((key) => key !== "comment");
  if (said !== undefined) refuse(at, `it says ${said} of all that follows`);
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function paxRecords(content: Buffer, offset: number): ReadonlyMap<string, string> {
  if (content.length === 0 || content.length > MAX_PAX)
    refuse(offset, "it has an extended header that is empty or over the limit");
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const match = /^([1-9]\d{0,7}) ([!-<>-~]{1,256})=/.exec(content.toString("latin1", at, at + 300));
    const length = Number(match?.[1]);
    if (!match || length <= match[0].length || content[at + length - 1] !== 0x0a)
      refuse(offset, "it has an extended header that cannot be read");
    const key = match[2]!;
    if (records.has(key)) refuse(offset, `it has an extended header with ${key} twice`);
    records.set(
      key,
      checkedValue(key, content.toString("latin1", at + match[0].length, at + length - 1), offset),
    );
    at += length;
  }
  return records;
}

function checkedValue(key: string, value: string, at: number): string {
  const form = KEYWORDS.find(([keyword]) => keyword.test(key))?.[1];
  if (form === undefined) refuse(at, `it has an extended header with ${key}, which not every reader obeys`);
  if (!form.test(value) || (isName(key) && !isOneSpelling(value)))
    refuse(at, `it has an extended header whose ${key} is not well-formed`);
  return value;
}

function isName(key: string): boolean {
  return key === "path" || key === "linkpath";
}

/**
 * Names of pax headers are UTF-8, which some readers convert to their locale: libarchive composes characters on the way
 * and mends what is not well-formed. What is composed already (NFC) all of them leave as it is.
 */
function isOneSpelling(value: string): boolean {
  const bytes = Buffer.from(value, "latin1");
  const text = bytes.toString("utf8");
  return isUtf8(bytes) && text === text.normalize("NFC");
}

/** GNU's long name (`L`) or link (`K`): the text and one NUL. */
export function longAhead(type: "L" | "K", content: Buffer, at: number): Ahead {
  const end = content.indexOf(0);
  if (end < 1 || end > MAX_NAME || !isZero(content.subarray(end)) || end + 1 < content.length)
    refuse(at, "it has a long name that does not end");
  const text = content.toString("latin1", 0, end);
  return type === "L" ? { path: text } : { target: text };
}
