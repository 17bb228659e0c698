/**
 * Paths of a Git tree as JSON strings.
 *
 * Claims: one spelling for each path, whatever bytes it has, and one path for each spelling. Bytes that are no UTF-8,
 * control characters and `%` are written `%` and two upper-case hex digits; all else is itself. Nothing is normalised
 * or folded. Inside, a path is a Latin-1 string, one character a byte.
 */
import { FormatError } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";
import { STATEMENT } from "../dsse/format-names.ts";

/** Longest path, in bytes: what Linux lets a program name. */
const MAX_PATH = 4096;

/** One well-formed UTF-8 sequence (Unicode 15, table 3-7) that is no control character of ASCII and no `%`. */
const PLAIN =
  /[\x20-\x24\x26-\x7e]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/
    .source;
/** Most paths are their own spelling. */
const AS_IT_IS = /^[\x20-\x24\x26-\x7e]*$/;
const PIECE = new RegExp(`(${PLAIN})|([^])`, "g");

/** Writes a path. Throws `FormatError` for one that no tree has. */
export function spellPath(path: string): string {
  checkPath(path);
  return spellBytes(path);
}

/** Writes a path, or a name, as `spellPath`, also where no tree may have it: for telling of it. */
export function spellBytes(path: string): string {
  if (AS_IT_IS.test(path)) return path;
  return path.replace(PIECE, (piece, plain: string | undefined) =>
    plain === undefined ? `%${hex(piece)}` : Buffer.from(piece, "latin1").toString(),
  );
}

/** Reads a path in its one spelling. Throws `FormatError`. */
export function parsePath(spelling: string): string {
  if (spelling.length > 3 * MAX_PATH) fail("is too long");
  if (AS_IT_IS.test(spelling)) {
    checkPath(spelling);
    return spelling;
  }
  const bytes = latin1(Buffer.from(spelling));
  const path = bytes.replace(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  if (spellPath(path) !== spelling) fail("is not in its one spelling");
  return path;
}

/** As `git fsck` has names: a path that climbs out, or into .git, is none that a tree holds. */
function checkPath(path: string): void {
  if (path.length > MAX_PATH) fail("is too long");
  if (path.includes("\0") || /[^\0-\xff]/.test(path)) {
    fail("has a character that is no byte of a path");
  }
  if (/(?:^|\/)(?:\.{0,2}|\.git)(?:\/|$)/i.test(path)) {
    fail("is not a file's own in a tree");
  }
}

function hex(byte: string): string {
  return byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
}

function fail(problem: string): never {
  throw new FormatError(STATEMENT, "path", 0, problem);
}
