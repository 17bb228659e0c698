/** Small files: changing them, and merging two changes of one as a person would expect. */
import type { Dice } from "./dice.ts";
import { EXECUTABLE, type File, LINK, PLAIN, sameFile } from "./history.ts";

const MOST_LINES = 7;

/** Lines that no file had before. */
export class Words {
  private count = 0;

  next(): string {
    return `word ${this.count++}`;
  }

  lines(count: number): string[] {
    return Array.from({ length: count }, () => this.next());
  }
}

/** A line changed, put in, taken out, brought back from `others`, or moved. Another content unless it has one line. */
export function edited(dice: Dice, words: Words, file: File, others: readonly string[] = []): File {
  const { lines } = file;
  const at = dice.below(lines.length);
  const full = lines.length >= MOST_LINES;
  if (file.mode === LINK) return { mode: LINK, lines: [words.next()] };
  const kind = dice.weighted({
    change: 4,
    insert: full ? 0 : 2,
    remove: lines.length > 1 ? 2 : 0,
    back: 1,
    move: 0.3,
  });
  const known = others.filter((line) => !lines.includes(line));
  switch (kind) {
    case "change":
      return { ...file, lines: lines.with(at, words.next()) };
    case "insert":
      return { ...file, lines: lines.toSpliced(at, 0, words.next()) };
    case "remove":
      return { ...file, lines: lines.toSpliced(at, 1) };
    case "back":
      return { ...file, lines: lines.toSpliced(at, full ? 1 : 0, dice.any(known) ?? words.next()) };
    case "move":
      return { ...file, lines: lines.length > 1 ? [...lines.toSpliced(at, 1), lines[at]!] : [words.next()] };
  }
}

/** A file that is a program now or no longer one, or a link in place of a file and the other way round. */
export function otherMode(dice: Dice, words: Words, { mode, lines }: File): File {
  if (mode === LINK) return { mode: PLAIN, lines: [...lines, words.next()] };
  if (dice.chance(0.2)) return { mode: LINK, lines: [lines[0]!] };
  return { mode: mode === PLAIN ? EXECUTABLE : PLAIN, lines };
}

/** Whether half of the lines of the longer one are in the other: about where Git sees a rename. */
export function isLike(a: File | undefined, b: File | undefined): boolean {
  if (!a || !b) return false;
  const common = a.lines.filter((line) => b.lines.includes(line)).length;
  return common * 2 >= Math.max(a.lines.length, b.lines.length);
}

/** What two people made of a file; null where only a third can say. `undefined`: no file. */
export function merged(
  base: File | undefined,
  ours: File | undefined,
  theirs: File | undefined,
): File | undefined | null {
  if (sameFile(ours, theirs) || sameFile(theirs, base)) return ours;
  if (sameFile(ours, base)) return theirs;
  if (!base || !ours || !theirs) return null;
  if ([base, ours, theirs].some(({ mode }) => mode === LINK)) return null;
  const lines = mergedLines(base.lines, ours.lines, theirs.lines);
  const mode = ours.mode === base.mode ? theirs.mode : ours.mode;
  return lines && lines.length > 0 ? { mode, lines } : null;
}

/** Between lines that all three have in one order, at most one of the two may differ from the base. */
function mergedLines(
  base: readonly string[],
  ours: readonly string[],
  theirs: readonly string[],
): readonly string[] | undefined {
  const kept = common(common(base, ours), theirs);
  const out: string[] = [];
  let rest = [base, ours, theirs];
  for (const anchor of [...kept, undefined]) {
    const ends = rest.map((lines) => (anchor === undefined ? lines.length : lines.indexOf(anchor)));
    const [b, o, t] = rest.map((lines, i) => lines.slice(0, ends[i])) as [string[], string[], string[]];
    const between = isSame(o, t) || isSame(t, b) ? o : isSame(o, b) ? t : undefined;
    if (!between) return undefined;
    out.push(...between, ...(anchor === undefined ? [] : [anchor]));
    rest = rest.map((lines, i) => lines.slice(ends[i]! + 1));
  }
  return new Set(out).size === out.length ? out : undefined;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

/** A longest common subsequence, by trying. */
function common(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0 || b.length === 0) return [];
  const [first, ...rest] = a as [string, ...string[]];
  const at = b.indexOf(first);
  const without = common(rest, b);
  if (at < 0) return without;
  const taken = [first, ...common(rest, b.slice(at + 1))];
  return taken.length >= without.length ? taken : without;
}
