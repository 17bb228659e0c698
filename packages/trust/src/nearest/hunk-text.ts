/**
 * What differs as the lines of a unified diff, so that a person sees which lines nobody signed. What a file's bytes
 * would do to a terminal is not decided here: whoever shows them says how a line is spelled.
 */
import type { Hunk, LineDiff } from "./line-diff.ts";
import type { Lines } from "./lines.ts";

export interface HunkTextOptions {
  /** Spells a line, without its line end. */
  readonly spell: (line: Uint8Array) => string;
  /** Equal lines shown around what differs; 3 unless told. */
  readonly context?: number;
  /** Most lines of text; 200 unless told. That more were left out is the last one's word. */
  readonly most?: number;
}

/** Longer lines are cut, in bytes. */
const MAX_LINE = 400;
const NEWLINE = 0x0a;

/** As `diff -u` prints them, without the two file names. */
export function hunkText(diff: LineDiff, { spell, context = 3, most = 200 }: HunkTextOptions): string[] {
  const text: string[] = [];
  for (const line of hunkLines(diff, spell, context)) {
    if (text.length === most) return [...text, "(and more)"];
    text.push(line);
  }
  return text;
}

function* hunkLines(diff: LineDiff, spell: HunkTextOptions["spell"], context: number): Generator<string> {
  for (const group of groupsOf(diff.hunks, context)) {
    const first = group[0]!;
    const last = group.at(-1)!;
    const lead = Math.min(context, first.beforeFrom, first.afterFrom);
    const trail = Math.min(context, diff.before.count - last.beforeTo);
    const before = range(first.beforeFrom - lead, last.beforeTo + trail);
    yield `@@ -${before} +${range(first.afterFrom - lead, last.afterTo + trail)} @@`;
    let at = first.beforeFrom - lead;
    for (const hunk of group) {
      yield* lines(" ", diff.before, at, hunk.beforeFrom, spell);
      yield* lines("-", diff.before, hunk.beforeFrom, hunk.beforeTo, spell);
      yield* lines("+", diff.after, hunk.afterFrom, hunk.afterTo, spell);
      at = hunk.beforeTo;
    }
    yield* lines(" ", diff.before, at, at + trail, spell);
  }
}

/** Hunks whose context would touch are shown as one. */
function groupsOf(hunks: readonly Hunk[], context: number): Hunk[][] {
  const groups: Hunk[][] = [];
  for (const hunk of hunks) {
    const last = groups.at(-1);
    if (last && hunk.beforeFrom - last.at(-1)!.beforeTo <= 2 * context) last.push(hunk);
    else groups.push([hunk]);
  }
  return groups;
}

function* lines(
  mark: string,
  of: Lines,
  from: number,
  to: number,
  spell: HunkTextOptions["spell"],
): Generator<string> {
  for (let line = from; line < to; line++) {
    const bytes = of.at(line);
    const text = bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
    yield `${mark}${spell(text.subarray(0, MAX_LINE))}${text.length > MAX_LINE ? "…" : ""}`;
    if (text === bytes) yield "\\ No newline at end of file";
  }
}

/** Counted from 1; where there is no line, the one before it is named. */
function range(from: number, to: number): string {
  if (to - from === 1) return `${to}`;
  return `${to === from ? from : from + 1},${to - from}`;
}
