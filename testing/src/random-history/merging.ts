/** Merges: clean ones, those that take one side whole, criss-crosses, octopuses, and those that add something. */
import { edit, fresh, renamePairs } from "./changing.ts";
import { type Growth, type Head, PATHS } from "./growth.ts";
import type { File, Files } from "./history.ts";
import { merged } from "./texts.ts";

const STRATEGIES = { clean: 12, ours: 2, theirs: 1, carry: 4, add: 1.5, putBack: 1.5, mix: 1 } as const;
export type Strategy = keyof typeof STRATEGIES;

/** Merges a side into a head, or what the side had a while ago. */
export function merge(growth: Growth, head: Head, side: number, wanted?: Strategy): number | undefined {
  const { dice } = growth;
  if (growth.isAncestor(side, head.at) && !dice.chance(0.1)) return undefined;
  const strategy = wanted ?? dice.weighted(STRATEGIES);
  const files = mergedBy(growth, head.at, side, strategy);
  readSides(growth, head.at, [side]);
  const parents = dice.chance(0.06) ? [side, head.at] : [head.at, side];
  return placed(growth, head, parents, files, `merges, ${strategy}`);
}

/** Three parents and more, among them perhaps one that another one reaches. */
export function octopus(
  growth: Growth,
  head: Head,
  sides: readonly number[],
  wanted?: Strategy,
): number | undefined {
  const { dice } = growth;
  const extra = dice.chance(0.35) ? [dice.pick(growth.ancestors(dice.pick([head.at, ...sides])))] : [];
  const others = dice.shuffled([...sides, ...extra]).filter((at) => at !== head.at || dice.chance(0.3));
  if (others.length < 2) return undefined;
  const strategy = wanted ?? dice.weighted({ clean: 6, carry: 4, add: 1, putBack: 1 });
  const baseOf = (side: number) => growth.filesOrNone(growth.base(head.at, side));
  const moving = others.filter(
    (side) => movedPairs(baseOf(side), growth.files(head.at), growth.files(side)).length > 0,
  );
  const treatedSide = dice.any(moving) ?? dice.pick(others);
  let files: Files = growth.files(head.at);
  for (const side of others) {
    const base = baseOf(side);
    const clean = growth.mergedFiles(files, growth.files(side), base);
    files = side === treatedSide ? treated(growth, clean, files, growth.files(side), base, strategy) : clean;
  }
  readSides(growth, head.at, others);
  return placed(growth, head, [head.at, ...others], files, `octopus, ${strategy}`);
}

/** Each of two heads merges the other. */
export function crissCross(growth: Growth, head: Head, side: Head): void {
  const { dice } = growth;
  const [ours, theirs] = [head.at, side.at];
  if (growth.isAncestor(ours, theirs) || growth.isAncestor(theirs, ours)) return;
  const strategies = { clean: 8, ours: 4, theirs: 1, carry: 1 } as const;
  merge(growth, head, theirs, dice.weighted(strategies));
  const files = mergedBy(growth, theirs, ours, dice.weighted(strategies));
  placed(growth, side, [theirs, ours], files, "crosses");
}

function placed(
  growth: Growth,
  head: Head,
  parents: readonly number[],
  files: Files,
  move: string,
): number | undefined {
  const isPlain = move.endsWith("clean");
  const trick = isPlain ? growth.manner.trick : Math.min(0.6, growth.manner.trick * 4);
  const made = growth.commit(parents, files, { move, owner: head.owner, trick });
  if (made !== undefined) head.at = made;
  return made;
}

/** What each side did is often read before it is merged. */
function readSides(growth: Growth, main: number, sides: readonly number[]): void {
  const { dice } = growth;
  const base = (side: number) =>
    dice.chance(0.85) ? growth.base(main, side) : dice.any(growth.ancestors(side));
  for (const side of sides)
    if (dice.chance(0.6)) growth.read(base(side), side, dice.shuffled(["alice", "bob", "carol"] as const));
}

function mergedBy(growth: Growth, ours: number, theirs: number, strategy: Strategy): Files {
  const base = growth.filesOrNone(growth.base(ours, theirs));
  const clean = growth.mergedFiles(growth.files(ours), growth.files(theirs), base);
  return treated(growth, clean, growth.files(ours), growth.files(theirs), base, strategy);
}

function treated(
  growth: Growth,
  clean: Map<string, File>,
  ours: Files,
  theirs: Files,
  base: Files,
  strategy: Strategy,
): Files {
  const { dice } = growth;
  const path = dice.pick(PATHS);
  switch (strategy) {
    case "clean":
      return clean;
    case "ours":
      return ours;
    case "theirs":
      return theirs;
    case "add":
      return clean.set(path, clean.has(path) ? edit(growth, clean, path) : fresh(growth));
    case "putBack":
      return withPath(clean, path, dice.pick([base, ours, theirs]).get(path));
    case "mix":
      for (const one of PATHS) if (dice.chance(0.4)) withPath(clean, one, dice.pick([ours, theirs]).get(one));
      return clean;
    case "carry":
      return carried(growth, clean, ours, theirs, base);
  }
}

function withPath(files: Map<string, File>, path: string, file: File | undefined): Map<string, File> {
  if (file) return files.set(path, file);
  files.delete(path);
  return files;
}

/** What one side did to a file goes to where the other side has a file like it, as Git does it; the old path may come back. */
function carried(growth: Growth, clean: Map<string, File>, ours: Files, theirs: Files, base: Files): Files {
  const { dice } = growth;
  const pairs = movedPairs(base, ours, theirs);
  const found = dice.any(pairs);
  if (!found) return loosely(growth, clean, theirs);
  const { pair, renaming, other } = found;
  const [from, to] = pair;
  const file = merged(base.get(from), renaming.get(to), other.get(from)) ?? other.get(from)!;
  clean.set(to, file);
  const old = dice.weighted({ gone: 5, other: 2, base: 2, fresh: 1 });
  const back = { gone: undefined, other: other.get(from), base: base.get(from), fresh: fresh(growth) }[old];
  return withPath(clean, from, back);
}

/** What one side seems to have renamed, where the other side still has the old path. */
function movedPairs(base: Files, ours: Files, theirs: Files) {
  const pairs = [
    ...renamePairs(base, ours).map((pair) => ({ pair, renaming: ours, other: theirs })),
    ...renamePairs(base, theirs).map((pair) => ({ pair, renaming: theirs, other: ours })),
  ];
  return pairs.filter(({ pair: [from], other }) => other.has(from));
}

function loosely({ dice }: Growth, clean: Map<string, File>, theirs: Files): Files {
  const file = dice.any([...theirs.values()]);
  const target = dice.any([...clean.keys()]);
  if (!file || target === undefined || !dice.chance(0.4)) return clean;
  return clean.set(target, file);
}
