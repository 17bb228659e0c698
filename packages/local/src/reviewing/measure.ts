/** How much there is to read in a file, and in a change of one. */
import { lineDiff } from "@firstmile/trust/nearest/line-diff";

/** As Git looks for a NUL byte. */
const LOOKED_AT = 8000;

export interface Measured {
  /** As editors count: a last line without a line feed is one. */
  readonly lines: number;
  readonly bytes: number;
  readonly binary: boolean;
  readonly longest: LongLine;
}

/** A line that is longer than others. */
export interface LongLine {
  /** From 1. */
  readonly line: number;
  /** As UTF-8 has them. */
  readonly characters: number;
}

export function measure(content: Buffer): Measured {
  return {
    lines: countLines(content),
    bytes: content.length,
    binary: isBinary(content),
    longest: longestLine(content),
  };
}

/** The first of the longest lines; of a content without any, line 1 with nothing in it. */
function longestLine(content: Buffer): LongLine {
  let longest = { line: 1, characters: 0 };
  let from = 0;
  for (let line = 1; from < content.length; line++) {
    const end = content.indexOf(10, from);
    const to = end < 0 ? content.length : end;
    // A line has no more characters than bytes: most need no counting.
    if (to - from > longest.characters) {
      const characters = countCharacters(content.subarray(from, to));
      if (characters > longest.characters) longest = { line, characters };
    }
    from = to + 1;
  }
  return longest;
}

/** Bytes that do not continue a character. */
export function countCharacters(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) count++;
  return count;
}

export function countLines(content: Buffer): number {
  let count = 0;
  for (let at = content.indexOf(10); at >= 0; at = content.indexOf(10, at + 1)) count++;
  return content.length > 0 && content.at(-1) !== 10 ? count + 1 : count;
}

/** Lines that go and lines that come; undefined where the two cannot be compared line by line. */
export function changedLines(before: Buffer, after: Buffer): number | undefined {
  if (isBinary(before) || isBinary(after)) return before.equals(after) ? 0 : undefined;
  const diff = lineDiff(before, after);
  return diff?.hunks.reduce(
    (sum, hunk) => sum + hunk.beforeTo - hunk.beforeFrom + hunk.afterTo - hunk.afterFrom,
    0,
  );
}

function isBinary(content: Buffer): boolean {
  return content.subarray(0, LOOKED_AT).includes(0);
}
