/**
 * Which paths a commit itself changes. For a commit with one parent: what differs from it. For a merge: what is in
 * the merge and is not what merging its parents cleanly gives, because that is the merger's own doing, whoever
 * wrote the parents; an attacker with leave to merge hides a change there.
 *
 * Trees are asked for by yielding their id, so that this stays pure and whoever drives it can read thousands at
 * once. Paths are Latin-1 strings, one character a byte, since Git's paths need not be UTF-8.
 */
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

/** Files that differ between two trees, in the order found. An undefined tree is empty. */
export function* changedFiles(
  before: ObjectId | undefined,
  after: ObjectId | undefined,
  prefix = "",
): TreeReader<PathChange[]> {
  if (before === after) return [];
  const [old, now] = [yield* read(before), yield* read(after)];
  const changes: PathChange[] = [];
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    for (const change of yield* entryChanges(old.get(name), now.get(name), prefix + name))
      changes.push(change);
  }
  return changes;
}

function* entryChanges(
  before: TreeEntry | undefined,
  after: TreeEntry | undefined,
  path: string,
): TreeReader<PathChange[]> {
  if (same(before, after)) return [];
  const below = yield* changedFiles(subtree(before), subtree(after), `${path}/`);
  if (!isFile(before) && !isFile(after)) return below;
  return [{ path, before: version(before), after: version(after) }, ...below];
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
  if (before === after) return [];
  const [old, now] = [yield* read(before), yield* read(after)];
  const ids: ObjectId[] = [];
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = [old.get(name), now.get(name)];
    if (same(a, b)) continue;
    ids.push(...[a, b].flatMap((entry) => (isFile(entry) && entry!.mode !== COMMIT_MODE ? [entry!.id] : [])));
    ids.push(...(yield* differingFiles(subtree(a), subtree(b))));
  }
  return ids;
}

/**
 * Paths where a merge is not what three-way merging whole files gives: candidates for the merger's own changes.
 * Empty means that each path is as the side has it that changed it, without looking into any file or for renames. A candidate may still be a clean merge of
 * lines, or follow a rename: `git merge-tree` knows.
 */
export function* unexplainedByMerge(
  base: ObjectId | undefined,
  ours: ObjectId | undefined,
  theirs: ObjectId | undefined,
  result: ObjectId | undefined,
  prefix = "",
): TreeReader<string[]> {
  const expected = threeWay(base, ours, theirs);
  if (expected.clean && expected.value === result) return [];
  const [b, o, t, r] = [yield* read(base), yield* read(ours), yield* read(theirs), yield* read(result)];
  const paths: string[] = [];
  for (const name of new Set([...b.keys(), ...o.keys(), ...t.keys(), ...r.keys()])) {
    const entries = [b.get(name), o.get(name), t.get(name), r.get(name)] as const;
    paths.push(...(yield* unexplainedEntry(entries, prefix + name)));
  }
  return paths;
}

type FourEntries = readonly [
  TreeEntry | undefined,
  TreeEntry | undefined,
  TreeEntry | undefined,
  TreeEntry | undefined,
];

function* unexplainedEntry([base, ours, theirs, result]: FourEntries, path: string): TreeReader<string[]> {
  const expected = threeWay(key(base), key(ours), key(theirs));
  if (expected.clean && expected.value === key(result)) return [];
  const below = yield* unexplainedByMerge(
    subtree(base),
    subtree(ours),
    subtree(theirs),
    subtree(result),
    `${path}/`,
  );
  const files = [base, ours, theirs, result].some(isFile) && !sameFile(base, ours, theirs, result);
  return files ? [path, ...below] : below;
}

/** A file against directories of its name: only the file part of each side is compared here. */
function sameFile(
  base: TreeEntry | undefined,
  ours: TreeEntry | undefined,
  theirs: TreeEntry | undefined,
  result: TreeEntry | undefined,
): boolean {
  const file = (entry: TreeEntry | undefined) => (isFile(entry) ? key(entry) : undefined);
  const expected = threeWay(file(base), file(ours), file(theirs));
  return expected.clean && expected.value === file(result);
}

function threeWay<T>(base: T, ours: T, theirs: T): { clean: true; value: T } | { clean: false } {
  if (ours === theirs || theirs === base) return { clean: true, value: ours };
  return ours === base ? { clean: true, value: theirs } : { clean: false };
}

function* read(id: ObjectId | undefined): TreeReader<Tree> {
  return id === undefined ? EMPTY : yield id;
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
  return key(a) === key(b);
}
