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

/** Which trees are merged in place of those of the commits. */
export interface StandInTrees {
  /** The tree that stands for a commit's, among the hashed objects. */
  of(tree: ObjectId): Promise<ObjectId>;
  /** Takes in what merging these reads; undefined: an empty tree. */
  take(trees: readonly (ObjectId | undefined)[]): Promise<void>;
}

/**
 * The clean merge of the parents in their order; undefined where Git cannot merge them. `trees`: default the commits'
 * own. Throws `UnreadableObject`, `FormatError`, and what `HashedObjects.flush` throws.
 */
export async function mergeAgain(
  sources: MergeSources,
  parents: readonly CommitId[],
  trees: StandInTrees = wholeTrees(sources),
): Promise<MergedAgain | undefined> {
  const [first, ...others] = await Promise.all(parents.map((id) => sideOf(sources, id, trees)));
  let merged = first!;
  const conflicts: string[] = [];
  // An octopus is merged one parent after the other, each with what the ones before came to.
  for (const other of others) {
    const last = await mergeSides(sources, merged, other, trees);
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
  return (await bestBases({ reader, knownBases }, [a], b)) ?? [];
}

/** The sides of a merge, and for each but the first the best common ancestors of it and of those before it. */
export interface MergePlan {
  readonly sides: readonly CommitId[];
  readonly bases: readonly (readonly CommitId[])[];
}

/**
 * The parents that no other parent reaches, in their order: as Git's own octopus, which leaves the others out.
 * `keepFirst`: the first one also where another reaches it. Undefined where the bases are too far away to tell. Throws
 * as `mergeAgain`.
 */
export async function mergePlan(
  sources: Omit<MergeSources, "hashed">,
  [first, ...others]: readonly CommitId[],
  keepFirst = false,
): Promise<MergePlan | undefined> {
  let sides = [first!];
  let bases: (readonly CommitId[])[] = [];
  for (const next of others) {
    const found = await bestBases(sources, sides, next);
    if (found === undefined) return undefined;
    if (found.includes(next)) continue;
    const left = sides.filter((side, i) => !found.includes(side) || (keepFirst && i === 0));
    const isShorter = left.length < sides.length;
    sides = [...left, next];
    const again = isShorter ? await basesInTurn(sources, sides) : [...bases, found];
    if (again === undefined) return undefined;
    bases = again;
  }
  return { sides, bases };
}

async function basesInTurn(
  sources: Omit<MergeSources, "hashed">,
  sides: readonly CommitId[],
): Promise<(readonly CommitId[])[] | undefined> {
  const bases: (readonly CommitId[])[] = [];
  for (let i = 1; i < sides.length; i++) {
    const found = await bestBases(sources, sides.slice(0, i), sides[i]!);
    if (found === undefined) return undefined;
    bases.push(found);
  }
  return bases;
}

/** Undefined where they are too far away to tell. */
async function bestBases(
  { reader, knownBases }: Omit<MergeSources, "hashed">,
  ours: readonly CommitId[],
  theirs: CommitId,
): Promise<CommitId[] | undefined> {
  const shape = await mergeShape(ours, [theirs], knownBases, (id) => reader.commit(id));
  if (shape === undefined) return undefined;
  const below = new Set([...shape.below.values()].flat());
  return shape.bases.filter((id) => !below.has(id));
}

function wholeTrees({ reader }: MergeSources): StandInTrees {
  return { of: async (tree) => tree, take: (trees) => takeMaterial(reader, trees) };
}

async function sideOf({ reader }: MergeSources, id: CommitId, trees: StandInTrees): Promise<Side> {
  return { parents: [id], tree: await trees.of((await reader.commit(id)).tree) };
}

async function mergeSides(
  sources: MergeSources,
  ours: Side,
  theirs: Side,
  trees: StandInTrees,
): Promise<MergedAgain | undefined> {
  const { reader, hashed, knownBases } = sources;
  const shape = await mergeShape(ours.parents, theirs.parents, knownBases, (id) => reader.commit(id));
  if (shape === undefined) return undefined;
  const stand = await standIns(sources, shape, trees);
  const bases = await Promise.all([...stand.keys()].map((id) => reader.commit(id)));
  const ofBases = await Promise.all(bases.map(({ tree }) => trees.of(tree)));
  // Half an octopus is Git's own work, and in our database alone. Without a base, nothing is the same in all trees.
  await trees.take([ours.tree, theirs.tree, ...(ofBases.length > 0 ? ofBases : [undefined])]);
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
  trees: StandInTrees,
): Promise<Map<CommitId, CommitId>> {
  const made = new Map<CommitId, CommitId>();
  for (const [id, ancestors] of below) {
    const { tree, time } = await reader.commit(id);
    const parents = ancestors.map((ancestor) => made.get(ancestor)!);
    made.set(id, standIn(hashed, { tree: await trees.of(tree), parents, time, name: id }));
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
