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

/** The trees of a merge's sides in their order, and of the best common ancestors on which each further one is merged. */
export interface MergedTrees {
  /** One or more. */
  readonly sides: readonly ObjectId[];
  /** One list for each side but the first. */
  readonly bases: readonly (readonly ObjectId[])[];
}

/** Paths where a merge is not what merging whole files at that very path gives, by what is left to be asked. */
export interface LoosePaths {
  /** No merge of what the sides and bases have there gives it: it comes from elsewhere. */
  readonly strange: readonly string[];
  /** The merge, all sides and all bases have a file there: merging lines and modes may give it. */
  readonly mixed: readonly string[];
  /** One side has it so, and bases that differ leave open whether merging takes that side. */
  readonly open: readonly string[];
}

/**
 * Looks at each path by itself, so that a content that Git would take there from another path, since it holds the one
 * for the other renamed, is not what merging gives. Throws as `changedFiles`.
 */
export function* loosePaths(
  { sides, bases }: MergedTrees,
  result: ObjectId | undefined,
): TreeReader<LoosePaths> {
  const loose = { strange: [] as string[], mixed: [] as string[], open: [] as string[] };
  const starts = bases.map((_, i) => sides.length + bases.slice(0, i).flat().length);
  const grouped = <T>([made, ...rest]: readonly T[]) => ({
    made,
    sides: rest.slice(0, sides.length),
    bases: bases.map(({ length }, i) => rest.slice(starts[i], starts[i]! + length)),
  });
  const isGiven = <T>(values: readonly T[]) => {
    const { made, ...given } = grouped(values);
    const expected = wholeMerge(given.sides, given.bases);
    return typeof expected === "object" && expected.value === made;
  };
  yield* walk([result, ...sides, ...bases.flat()], isGiven, (entries, path) => {
    if (isGiven(entries.map(key))) return false;
    const files = entries.map((entry) => (isFile(entry) ? key(entry) : undefined));
    if (entries.some(isFile) && !isGiven(files)) loose[kindOf(grouped(files))].push(path);
    return true;
  });
  return loose;
}

interface Grouped<T> {
  readonly made: T;
  readonly sides: readonly T[];
  readonly bases: readonly (readonly T[])[];
}

function kindOf({ made, sides, bases }: Grouped<string | undefined>): keyof LoosePaths {
  const expected = wholeMerge(sides, bases);
  if (typeof expected === "object") return "strange";
  // Without a base there is nothing that both sides' lines could be compared with.
  const hasBases = bases.every(({ length }) => length > 0);
  if (hasBases && ![made, ...sides, ...bases.flat()].includes(undefined)) return "mixed";
  return expected === "bases-differ" && sides.includes(made) ? "open" : "strange";
}

/** Merges whole values, one side after the other. No base counts as one that has nothing. */
function wholeMerge<T>(
  [first, ...others]: readonly T[],
  bases: readonly (readonly T[])[],
): { readonly value: T } | "conflict" | "bases-differ" {
  let value = first as T;
  for (const [i, other] of others.entries()) {
    if (value === other) continue;
    const [base, ...more] = bases[i]!;
    if (more.some((another) => another !== base)) return "bases-differ";
    const merged = threeWay(base, value, other);
    if (!merged.clean) return "conflict";
    value = merged.value as T;
  }
  return { value };
}

/** The files that a tree has at some paths, each with its path; what is a directory, or is not there, has none. */
export function* filesAt(
  root: ObjectId,
  paths: readonly string[],
): TreeReader<({ path: string } & FileVersion)[]> {
  const files: ({ path: string } & FileVersion)[] = [];
  for (const path of paths) {
    let tree: ObjectId | undefined = root;
    const names = path.split("/");
    const last = names.pop()!;
    for (const name of names) tree = tree && subtree((yield tree).get(name));
    const file = tree && version((yield tree).get(last));
    if (file) files.push({ path, ...file });
  }
  return files;
}

function isMerged<T>([base, ours, theirs, result]: readonly T[]): boolean {
  const expected = threeWay(base, ours, theirs);
  return expected.clean && expected.value === result;
}

function threeWay<T>(base: T | undefined, ours: T, theirs: T): { clean: true; value: T } | { clean: false } {
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
