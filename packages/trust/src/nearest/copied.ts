/**
 * How much of a file was copied from signed ones: from the likest of them, and what that lacks from others.
 *
 * Claims: a line counts only where a signed file has the very same bytes, in the order in which they stand there. One
 * file may be put together from several; so that a lone `}` is no evidence, what is not the likest file's counts in
 * stretches of three lines. Leaves out: whether these lines mean the same where they now are. A file of nothing but
 * signed lines can still do harm, so this explains a refusal and passes nothing.
 */
import { type LineDiff, lineDiff } from "./line-diff.ts";
import { BINS } from "./sketch.ts";

/** Lines in a row that count when they are a further file's. */
const STRETCH = 3;
/** Files that one is told to come from. */
const MOST_ORIGINS = 3;

/** Lines `[from, to)`, counted from 0. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface Origin<Signed> {
  readonly signed: Signed;
  /** Lines that are its, and those of none before it. */
  readonly lines: number;
}

export interface Copied<Signed> {
  /** The likest first. */
  readonly origins: readonly Origin<Signed>[];
  readonly lines: number;
  readonly bytes: number;
  readonly copiedLines: number;
  readonly copiedBytes: number;
  /** Lines that no signed file has. */
  readonly unsigned: readonly Stretch[];
  /** From the likest to the file. */
  readonly diff: LineDiff;
}

interface Compared<Signed> {
  readonly signed: Signed;
  readonly diff: LineDiff;
  /** 0 to 2: the part of its bytes that stand in equal lines, and the part of its sketch. */
  readonly likeness: number;
}

/** What a file is compared with. */
export interface Alike {
  readonly content: Uint8Array;
  /** Equal bins of the two sketches: what tells of a file whose every line was indented anew. */
  readonly equal: number;
}

/** Undefined where there is no signed file that it can be compared with. */
export function copiedFrom<Signed extends Alike>(
  content: Uint8Array,
  signed: readonly Signed[],
): Copied<Signed> | undefined {
  const compared = signed.flatMap((each) => comparedWith(each, content)).sort(byLikeness);
  const [likest, ...others] = compared;
  if (!likest) return undefined;
  const copied = likest.diff.kept.map((line) => (line < 0 ? 0 : 1));
  const origins = [{ signed: likest.signed, lines: count(copied) }];
  for (const { signed: further, diff } of others) {
    const lines = origins.length < MOST_ORIGINS ? takeStretches(copied, diff) : 0;
    if (lines > 0) origins.push({ signed: further, lines });
  }
  return { origins, ...measured(likest.diff, copied), diff: likest.diff };
}

function comparedWith<Signed extends Alike>(signed: Signed, content: Uint8Array): Compared<Signed>[] {
  const diff = lineDiff(signed.content, content);
  if (!diff) return [];
  const kept = bytesWhere(diff, (line) => diff.kept[line]! >= 0);
  return [{ signed, diff, likeness: kept / Math.max(1, content.length) + signed.equal / BINS }];
}

/** Of two that have all of it, the one with less besides; otherwise they stay in the order in which they came. */
function byLikeness(a: Compared<unknown>, b: Compared<unknown>): number {
  return b.likeness - a.likeness || a.diff.hunks.length - b.diff.hunks.length;
}

/** Marks what a further file has of the lines that are not marked. Returns how many they are. */
function takeStretches(copied: Int32Array, { kept }: LineDiff): number {
  let taken = 0;
  for (const { from, to } of stretches(copied.length, (line) => copied[line] === 0 && kept[line]! >= 0)) {
    if (to - from < STRETCH) continue;
    copied.fill(1, from, to);
    taken += to - from;
  }
  return taken;
}

function measured(diff: LineDiff, copied: Int32Array) {
  return {
    lines: copied.length,
    bytes: diff.after.content.length,
    copiedLines: count(copied),
    copiedBytes: bytesWhere(diff, (line) => copied[line] === 1),
    unsigned: stretches(copied.length, (line) => copied[line] === 0),
  };
}

function stretches(lines: number, belongs: (line: number) => boolean): Stretch[] {
  const found: Stretch[] = [];
  for (let from = 0; from < lines; from++) {
    if (!belongs(from)) continue;
    let to = from + 1;
    while (to < lines && belongs(to)) to++;
    found.push({ from, to });
    from = to;
  }
  return found;
}

function bytesWhere({ after }: LineDiff, belongs: (line: number) => boolean): number {
  const found = stretches(after.count, belongs);
  return found.reduce((sum, { from, to }) => sum + after.bytes(from, to), 0);
}

function count(marks: Int32Array): number {
  return marks.reduce((sum, mark) => sum + mark, 0);
}
