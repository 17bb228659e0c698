/**
 * Which paths a commit itself changes. For a commit with one parent: what differs from it. For a merge: what is in
 * the merge and is not what merging its parents cleanly gives, because that is the merger's own doing, whoever
 * wrote the parents; an attacker with leave to merge hides a change there.
 *
 * Trees are asked for by yielding their id, so that this stays pure and whoever drives it can read thousands at
 * once. Paths are Latin-1 strings, one character a byte, since Git's paths need not be UTF-8.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { TreeEntry } from "@firstmile/formats/git/tree";
import type { FileVersion } from "@firstmile/formats/statement/review";

/** The entries of one tree by their Latin-1 name. */
export type Tree = ReadonlyMap<string, TreeEntry>;

/** Yields the id of a tree, is resumed with the tree, returns its result. */
export type TreeReader<Result> = Generator<ObjectId, Result, Tree>;

const EMPTY: Tree = new Map();
const TREE_MODE = 0o40000;
/** A submodule's commit, which is no object of this repository. */
const COMMIT_MODE = 0o160000;

/** A file that differs between two trees; undefined on the side where it is not there. */
export interface PathChange {
  /** Latin-1. */
  readonly path: string;
  readonly before: FileVersion | undefined;
  readonly after: FileVersion | undefined;
}

/** Files that differ between two trees, in the order found. An undefined tree is empty. Throws `FormatError`: see `walk`. */
export function* changedFiles(
  before: ObjectId | undefined,
  after: ObjectId | undefined,
): TreeReader<PathChange[]> {
  const changes: PathChange[] = [];
  yield* walk([before, after], isUnchanged, ([old, now], path) => {
    if (same(old, now)) return false;
    if (isFile(old) || isFile(now)) changes.push({ path, before: version(old), after: version(now) });
    return true;
  });
  return changes;
}

function isUnchanged([before, after]: readonly (ObjectId | undefined)[]): boolean {
  return before === after;
}

/** Paths of files that differ between two trees. */
export function* changedPaths(
  before: ObjectId | undefined,
  after: ObjectId | undefined,
): TreeReader<string[]> {
  return (yield* changedFiles(before, after)).map(({ path }) => path);
}

/** Ids of the files that differ between two trees, of both sides: all that merging them can come to read. */
export function* differingFiles(
  before: ObjectId | undefined,
  after: ObjectId | undefined,
): TreeReader<ObjectId[]> {
  const ids: ObjectId[] = [];
  yield* walk([before, after], isUnchanged, (entries) => {
    if (same(entries[0], entries[1])) return false;
    for (const entry of entries) if (isFile(entry) && entry!.mode !== COMMIT_MODE) ids.push(entry!.id);
    return true;
  });
  return ids;
}

/**
 * Paths where a merge is not what three-way merging whole files gives: candidates for the merger's own changes.
 * Empty means that each path is as the side has it that changed it, without looking into any file or for renames. A
 * candidate may still be a clean merge of lines, or follow a rename: `git merge-tree` knows. Throws as `changedFiles`.
 */
export function* unexplainedByMerge(
  base: ObjectId | undefined,
  ours: ObjectId | undefined,
  theirs: ObjectId | undefined,
  result: ObjectId | undefined,
): TreeReader<string[]> {
  const paths: string[] = [];
  yield* walk([base, ours, theirs, result], isMerged, (entries, path) => {
    if (isMerged(entries.map(key))) return false;
    // A file against directories of its name: only the file part of each side is compared here.
    const files = entries.map((entry) => (isFile(entry) ? key(entry) : undefined));
    if (entries.some(isFile) && !isMerged(files)) paths.push(path);
    return true;
  });
  return paths;
}

/**
 * As `unexplainedByMerge`, of which it leaves out the files that all four have. What is left can only be a clean merge
 * where Git takes a file of one path for another's, renamed.
 */
export function* acrossPaths(
  base: ObjectId | undefined,
  ours: ObjectId | undefined,
  theirs: ObjectId | undefined,
  result: ObjectId | undefined,
): TreeReader<string[]> {
  const paths: string[] = [];
  yield* walk([base, ours, theirs, result], isMerged, (entries, path) => {
    if (isMerged(entries.map(key))) return false;
    if (entries.some(isFile) && !entries.every(isFile)) paths.push(path);
    return true;
  });
  return paths;
}

/** Files that a merge has as no parent has them at their path, and that not even two parents have for Git to merge. */
export function* onNoSide(
  parents: readonly (ObjectId | undefined)[],
  result: ObjectId | undefined,
): TreeReader<string[]> {
  const paths: string[] = [];
  yield* walk([result, ...parents], isOnASide, (entries, path) => {
    if (isOnASide(entries.map(key))) return false;
    const [made, ...sides] = entries;
    if (isFile(made) && sides.filter(isFile).length < 2) paths.push(path);
    return true;
  });
  return paths;
}

function isOnASide<T>([result, ...parents]: readonly T[]): boolean {
  return parents.includes(result!);
}

function isMerged<T>([base, ours, theirs, result]: readonly T[]): boolean {
  const expected = threeWay(base, ours, theirs);
  return expected.clean && expected.value === result;
}

function threeWay<T>(base: T, ours: T, theirs: T): { clean: true; value: T } | { clean: false } {
  if (ours === theirs || theirs === base) return { clean: true, value: ours };
  return ours === base ? { clean: true, value: theirs } : { clean: false };
}

/**
 * Asks for every directory of a tree once, but for those that `besides` has in the same place. Bounded by the objects that
 * there are, however often and deep they are nested in each other.
 */
export function* everyDirectory(root: ObjectId, besides: ObjectId | undefined): TreeReader<void> {
  const seen = new Set<ObjectId>([root]);
  const waiting: { readonly id: ObjectId; readonly old: ObjectId | undefined }[] = [
    { id: root, old: besides },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { id, old } = next;
    if (id === old) continue;
    const tree = yield id;
    const before = old === undefined ? EMPTY : yield old;
    for (const [name, entry] of tree) {
      const below = subtree(entry);
      if (below === undefined || seen.has(below)) continue;
      seen.add(below);
      waiting.push({ id: below, old: subtree(before.get(name)) });
    }
  }
}

/** What several trees have at one path. */
type Entries = readonly (TreeEntry | undefined)[];

interface Directory {
  readonly prefix: string;
  readonly trees: readonly Tree[];
  readonly names: Iterator<string>;
}

/** As `core.maxTreeDepth`: whoever nests deeper makes Git itself give up. */
const MAX_DEPTH = 2048;
/** Entries that are not the same everywhere, with their directories: ten times what Linux has in all. */
const MAX_ENTRIES = 1_000_000;

/**
 * Goes through several trees side by side, a directory's name before what is in it, and calls `visit` for each name
 * until it answers false or `settled` says that what is below need not be looked at. Throws `FormatError` beyond the
 * limits: ten trees that each hold the next ten times are ten thousand million files, and a thousand bytes.
 */
function* walk(
  roots: readonly (ObjectId | undefined)[],
  settled: (trees: readonly (ObjectId | undefined)[]) => boolean,
  visit: (entries: Entries, path: string) => boolean,
): TreeReader<void> {
  if (settled(roots)) return;
  const open: Directory[] = [yield* directory(roots, "")];
  let visited = 0;
  for (let here = open.at(-1); here !== undefined; here = open.at(-1)) {
    const next = here.names.next();
    if (next.done) {
      open.pop();
      continue;
    }
    const entries = here.trees.map((tree) => tree.get(next.value));
    const path = here.prefix + next.value;
    if (!visit(entries, path)) continue;
    if (++visited > MAX_ENTRIES) throw beyond("has more files than can be compared");
    const below = entries.map(subtree);
    if (settled(below)) continue;
    if (open.length === MAX_DEPTH) throw beyond("has directories that are nested too deep");
    open.push(yield* directory(below, `${path}/`));
  }
}

function* directory(ids: readonly (ObjectId | undefined)[], prefix: string): TreeReader<Directory> {
  const trees: Tree[] = [];
  for (const id of ids) trees.push(id === undefined ? EMPTY : yield id);
  const names = new Set<string>();
  for (const tree of trees) for (const name of tree.keys()) names.add(name);
  return { prefix, trees, names: names.values() };
}

function beyond(problem: string): FormatError {
  return new FormatError("git tree", "entries", 0, problem);
}

function isTree(entry: TreeEntry | undefined): boolean {
  return entry?.mode === TREE_MODE;
}

function isFile(entry: TreeEntry | undefined): boolean {
  return entry !== undefined && !isTree(entry);
}

function version(entry: TreeEntry | undefined): FileVersion | undefined {
  return isFile(entry) ? { id: entry!.id, mode: entry!.mode } : undefined;
}

function subtree(entry: TreeEntry | undefined): ObjectId | undefined {
  return isTree(entry) ? entry!.id : undefined;
}

function key(entry: TreeEntry | undefined): string | undefined {
  return entry && `${entry.mode.toString(8)} ${entry.id}`;
}

function same(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.id === b.id && a.mode === b.mode);
}
