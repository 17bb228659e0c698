/**
 * Merges the parents of a merge again with `git merge-tree`, for the cases that whole files do not explain: changes of
 * both sides to one file, renames, several merge bases, three parents and more.
 *
 * Claims: what comes back is what Git gives without anybody's hand, and names every path that Git left to be decided
 * by one. Git reads nothing but bytes that were hashed here: a database of our own holds the trees and files that
 * differ, and commits made up to have the parents' trees and the bases that the parents were found to have.
 * Against: whoever owns the database under test and swaps objects in it, or plants some. What is missing makes Git
 * give up, and then there is no answer.
 */
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import type { HashedObjects } from "../git/hashed-objects.ts";
import type { HashedReader } from "./hashed-reader.ts";
import { type KnownBases, type MergeShape, mergeShape } from "./merge-bases.ts";
import { type MergeBatches, type MergedAgain, mergeTwo } from "./merge-batch.ts";
import { takeMaterial } from "./merge-material.ts";

export type { MergedAgain } from "./merge-batch.ts";

export interface MergeSources {
  readonly reader: HashedReader;
  readonly hashed: HashedObjects;
  readonly knownBases: KnownBases;
  /** Over `hashed`; default: a child of Git for each merge. */
  readonly batches?: MergeBatches;
}

/** One side of a merge: a parent, or what an octopus has come to by then. */
interface Side {
  readonly parents: readonly CommitId[];
  readonly tree: ObjectId;
}

/**
 * The clean merge of the parents in their order; undefined where Git cannot merge them. Throws `UnreadableObject`,
 * `FormatError`, and what `HashedObjects.flush` throws.
 */
export async function mergeAgain(
  sources: MergeSources,
  parents: readonly CommitId[],
): Promise<MergedAgain | undefined> {
  const [first, ...others] = await Promise.all(parents.map((id) => sideOf(sources, id)));
  let merged = first!;
  const conflicts: string[] = [];
  // An octopus is merged one parent after the other, each with what the ones before came to.
  for (const other of others) {
    const last = await mergeSides(sources, merged, other);
    if (!last) return undefined;
    conflicts.push(...last.conflicts);
    merged = { parents: [...merged.parents, ...other.parents], tree: last.tree };
  }
  return { tree: merged.tree, conflicts };
}

/**
 * Best common ancestors of two commits, by commits that were hashed; none also where they are too far away to tell.
 * Throws as `mergeAgain`.
 */
export async function mergeBasesOf(
  { reader, knownBases }: Omit<MergeSources, "hashed">,
  a: CommitId,
  b: CommitId,
): Promise<CommitId[]> {
  const shape = await mergeShape([a], [b], knownBases, (id) => reader.commit(id));
  const below = new Set([...(shape?.below.values() ?? [])].flat());
  return (shape?.bases ?? []).filter((id) => !below.has(id));
}

async function sideOf({ reader }: MergeSources, id: CommitId): Promise<Side> {
  return { parents: [id], tree: (await reader.commit(id)).tree };
}

async function mergeSides(sources: MergeSources, ours: Side, theirs: Side): Promise<MergedAgain | undefined> {
  const { reader, hashed, knownBases } = sources;
  const shape = await mergeShape(ours.parents, theirs.parents, knownBases, (id) => reader.commit(id));
  if (shape === undefined) return undefined;
  const stand = await standIns(sources, shape);
  const bases = await Promise.all([...stand.keys()].map((id) => reader.commit(id)));
  // Half an octopus is Git's own work, and in our database alone.
  const trees = [ours, theirs, ...bases].map(({ tree }) => tree);
  await takeMaterial(reader, trees);
  const parents = shape.bases.map((id) => stand.get(id)!);
  const time = Math.max(0, ...bases.map((base) => base.time)) + 1;
  const [a, b] = [ours, theirs].map(({ tree }, i) => standIn(hashed, { tree, parents, time, name: `${i}` }));
  const two = { ours: a!, theirs: b! };
  if (sources.batches) return await sources.batches.merge(two);
  await hashed.flush();
  return await mergeTwo(hashed.env, two);
}

/** For each base a commit with its tree and date, whose only ancestors are other bases. */
async function standIns(
  { reader, hashed }: MergeSources,
  { below }: MergeShape,
): Promise<Map<CommitId, CommitId>> {
  const made = new Map<CommitId, CommitId>();
  for (const [id, ancestors] of below) {
    const { tree, time } = await reader.commit(id);
    const parents = ancestors.map((ancestor) => made.get(ancestor)!);
    made.set(id, standIn(hashed, { tree, parents, time, name: id }));
  }
  return made;
}

interface StandIn {
  readonly tree: ObjectId;
  readonly parents: readonly CommitId[];
  readonly time: number;
  /** Keeps two commits apart that have all else in common. */
  readonly name: string;
}

function standIn(hashed: HashedObjects, { tree, parents, time, name }: StandIn): CommitId {
  const who = `- <-> ${time} +0000`;
  const links = [`tree ${tree}`, ...parents.map((id) => `parent ${id}`)];
  const content = encodeUtf8([...links, `author ${who}`, `committer ${who}`, "", name, ""].join("\n"));
  const id = hashObject("commit", content, objectHashOf(tree));
  hashed.add("commit", id, content);
  return id;
}
