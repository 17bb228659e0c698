/**
 * Everything that merging some trees can come to read: the trees and files that are not the same in all of them.
 *
 * Git reads a directory only where one of the trees has another there, and a file only where its path or content is
 * not the same everywhere (for lines, and for renames), and not even then where one of three alone has another at a path
 * that all of them have. What it would read beyond that is not in its database, and then it gives up: no answer,
 * instead of an answer from bytes that nobody hashed.
 */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { TreeEntry } from "@firstmile/formats/git/tree";
import { type HashedReader, UnreadableObject } from "./hashed-reader.ts";

const DIRECTORY = 0o40000;
/** A submodule's commit, which is no object of this repository. */
const SUBMODULE = 0o160000;
/** Directories of one merge: over ten times what nixpkgs has in all. */
const MAX_PLACES = 1_000_000;

/** What each of the trees has at one path: a directory, or none. */
type Place = readonly (ObjectId | undefined)[];

/**
 * Has all of it taken in. Undefined stands for an empty tree; not for the first one. Throws `UnreadableObject`, or
 * `FormatError` where a tree is malformed.
 */
export async function takeMaterial(
  reader: HashedReader,
  roots: readonly (ObjectId | undefined)[],
): Promise<void> {
  let taken = 0;
  for (let places: Place[] = [roots]; places.length > 0; ) {
    taken += places.length;
    if (taken > MAX_PLACES)
      throw new UnreadableObject(
        "corrupt-object",
        `tree ${roots[0]} has more directories than can be merged`,
      );
    const trees = await reader.trees(distinct(places.flat()));
    const differing = places.flatMap((place) => differingNames(place, trees));
    await reader.files(distinct(differing.flatMap(filesIn)));
    places = differing.map(directoriesIn).filter((place) => place.some((id) => id !== undefined));
  }
}

type Entries = readonly (TreeEntry | undefined)[];

/** What the trees have by each name that does not stand for the same in all of them. */
function differingNames(place: Place, trees: ReadonlyMap<ObjectId, readonly TreeEntry[]>): Entries[] {
  const byName = new Map<string, (TreeEntry | undefined)[]>();
  for (const [i, id] of place.entries()) {
    for (const entry of id === undefined ? [] : trees.get(id)!) {
      const name = Buffer.from(entry.name).toString("latin1");
      const entries = byName.get(name) ?? new Array<TreeEntry | undefined>(place.length).fill(undefined);
      entries[i] = entry;
      byName.set(name, entries);
    }
  }
  return [...byName.values()].filter((entries) => !entries.every((entry) => same(entry, entries[0])));
}

function same(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a?.id === b?.id && a?.mode === b?.mode;
}

function filesIn(entries: Entries): (ObjectId | undefined)[] {
  const files = entries.map((entry) => (isFile(entry) ? entry : undefined));
  return isSettledById(files) ? [] : files.map((entry) => entry?.id);
}

function isFile(entry: TreeEntry | undefined): boolean {
  return entry !== undefined && entry.mode !== DIRECTORY && entry.mode !== SUBMODULE;
}

/** Two of both sides and their one base agree, and none lacks the file: nothing to merge by lines or to follow. */
function isSettledById(files: Entries): boolean {
  const [ours, theirs, base] = files;
  if (files.length !== 3 || files.includes(undefined)) return false;
  return same(ours, theirs) || same(ours, base) || same(theirs, base);
}

function directoriesIn(entries: Entries): Place {
  return entries.map((entry) => (entry?.mode === DIRECTORY ? entry.id : undefined));
}

function distinct(ids: readonly (ObjectId | undefined)[]): ObjectId[] {
  return [...new Set(ids)].filter((id) => id !== undefined);
}
