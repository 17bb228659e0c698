/** How much there is to read in a file, and in a change of one. */
import { lineDiff } from "@firstmile/trust/nearest/line-diff";

/** As Git looks for a NUL byte. */
const LOOKED_AT = 8000;

export interface Measured {
  /** As editors count: a last line without a line feed is one. */
  readonly lines: number;
  readonly bytes: number;
  readonly binary: boolean;
}

export function measure(content: Buffer): Measured {
  return { lines: countLines(content), bytes: content.length, binary: isBinary(content) };
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
