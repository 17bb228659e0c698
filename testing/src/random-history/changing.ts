/** Commits on one parent: edits, new files, copies, renames, modes, and taking changes back. */

import { type Growth, type Head, PATHS } from "./growth.ts";
import type { File, Files } from "./history.ts";
import { edited, isLike, otherMode } from "./texts.ts";

const MOVES = {
  edit: 10,
  add: 2,
  copy: 3,
  remove: 2,
  rename: 3,
  directory: 0.7,
  mode: 0.8,
  revert: 2.5,
  back: 1.5,
  empty: 0.7,
} as const;

/** One commit on a head, and perhaps the word of who read it. */
export function change(growth: Growth, head: Head): void {
  const move = growth.dice.weighted(MOVES);
  const files = changedBy(growth, head, move);
  if (files) place(growth, head, files, move);
}

export function place(growth: Growth, head: Head, files: Files, move: string, trick?: number): boolean {
  const before = head.at;
  const made = growth.commit([before], files, {
    move,
    owner: head.owner,
    ...(trick === undefined ? {} : { trick }),
  });
  if (made === undefined) return false;
  head.at = made;
  if (growth.dice.chance(0.5))
    growth.read(before, made, growth.dice.shuffled(["alice", "bob", "carol"] as const));
  return true;
}

function changedBy(growth: Growth, { at }: Head, move: keyof typeof MOVES): Map<string, File> | undefined {
  const { dice } = growth;
  const files = new Map(growth.files(at));
  const path = dice.any([...files.keys()]);
  const free = dice.any(PATHS.filter((one) => !files.has(one)));
  switch (move) {
    case "edit":
      return path === undefined ? undefined : files.set(path, edit(growth, files, path));
    case "add":
      return free && files.set(free, fresh(growth));
    case "copy":
      return copied(growth, files);
    case "remove":
      if (path === undefined || files.size < 2) return undefined;
      files.delete(path);
      return files;
    case "rename":
      return path === undefined ? undefined : renamed(growth, files, path, free ?? dice.pick(PATHS));
    case "directory":
      return directoryMoved(growth, files);
    case "mode":
      return path === undefined
        ? undefined
        : files.set(path, otherMode(dice, growth.words, files.get(path)!));
    case "revert":
      return new Map(growth.files(dice.pick(growth.ancestors(at))));
    case "back":
      return broughtBack(growth, files, path ?? dice.pick(PATHS));
    case "empty":
      return files;
  }
}

export function edit(growth: Growth, files: Files, path: string): File {
  return edited(growth.dice, growth.words, files.get(path)!, growth.oldLines(path));
}

export function fresh({ dice, words }: Growth): File {
  return { mode: 0o100644, lines: words.lines(dice.between(1, 6)) };
}

/** What some commit has at some path, put at another one. */
function copied(growth: Growth, files: Map<string, File>): Map<string, File> | undefined {
  const { dice } = growth;
  const source = dice.any([...growth.files(dice.below(growth.commits.length)).values()]);
  if (!source) return undefined;
  const target = dice.pick(PATHS);
  return files.set(target, dice.chance(0.3) ? edited(dice, growth.words, source) : source);
}

export function renamed(
  growth: Growth,
  files: Map<string, File>,
  from: string,
  to: string,
): Map<string, File> {
  const { dice } = growth;
  const file = files.get(from)!;
  files.delete(from);
  return files.set(to, dice.chance(0.3) ? edited(dice, growth.words, file) : file);
}

function directoryMoved({ dice }: Growth, files: Map<string, File>): Map<string, File> {
  const [from, to] = dice.shuffled(["lib/", "docs/", "pkgs/"]);
  for (const [path, file] of [...files]) {
    if (!path.startsWith(from!)) continue;
    files.delete(path);
    files.set(to! + path.slice(from!.length), file);
  }
  return files;
}

/** One path as some commit had it, or gone as there. */
function broughtBack(growth: Growth, files: Map<string, File>, path: string): Map<string, File> {
  const old = growth.files(growth.dice.below(growth.commits.length)).get(path);
  if (old) files.set(path, old);
  else files.delete(path);
  return files;
}

/** Pairs of paths of which Git may take the second for the first, renamed: gone there, and new and alike here. */
export function renamePairs(base: Files, side: Files): [from: string, to: string][] {
  const gone = [...base].filter(([path]) => !side.has(path));
  const come = [...side].filter(([path]) => !base.has(path));
  return gone.flatMap(([from, old]) =>
    come.filter(([, file]) => isLike(old, file)).map(([to]): [string, string] => [from, to]),
  );
}
