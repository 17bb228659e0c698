/**
 * What a merge itself changes: what differs from merging its sides again by Git, and besides every path where merging
 * what the bases and the sides have at that very path does not give what the merge has there.
 *
 * Claims: a path that is not named is as Git merges the sides, and would be so if there were no other path. So each
 * line in it comes from that path of some side, whose writers and readers were asked about it there. Against: a merger
 * who may write one path and has Git carry what is there to another, since it holds the one for the other renamed or
 * copied; who takes the old path away or puts it back; and who counts a parent twice, by its ancestor, or merges
 * sides that merged each other, so that a side or a base is found that has what is wanted.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { treesOfFiles } from "@firstmile/formats/git/tree-of-files";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import type { OwnChanges } from "@firstmile/trust/history/judge";
import {
  changedPaths,
  filesAt,
  loosePaths,
  type TreeReader,
  unexplainedByMerge,
} from "@firstmile/trust/history/trees";
import {
  type MergePlan,
  type MergeSources,
  mergeAgain,
  mergePlan,
  type StandInTrees,
} from "./merge-again.ts";
import type { MergedAgain } from "./merge-batch.ts";

/** Paths of one merge that Git is asked about one by one; what is beyond counts as the merger's own. */
const MAX_APART = 500;
/** A submodule's commit, which another repository has. */
const SUBMODULE = 0o160000;

/** How trees are read: each re-hashed. */
export interface ReadTrees {
  treeOf(id: CommitId): Promise<ObjectId>;
  drive<Result>(reader: TreeReader<Result>): Promise<Result>;
}

export class MergersOwn {
  private readonly sources: MergeSources;
  private readonly trees: ReadTrees;
  /** Runs some merges at once and no more. */
  private readonly inLane: <Result>(work: () => Promise<Result>) => Promise<Result>;

  constructor(
    sources: MergeSources,
    trees: ReadTrees,
    inLane: <Result>(work: () => Promise<Result>) => Promise<Result>,
  ) {
    this.sources = sources;
    this.trees = trees;
    this.inLane = inLane;
  }

  /** Throws `UnreadableObject`, `FormatError`, and what `HashedObjects.flush` and the reading of trees throw. */
  async of({ parents, tree }: Pick<CommitFacts, "parents" | "tree">): Promise<OwnChanges> {
    const plan = await mergePlan(this.sources, parents);
    if (plan === undefined) return { paths: await this.allPaths(parents, tree), merge: true };
    const sides = await Promise.all(plan.sides.map((id) => this.trees.treeOf(id)));
    if (sides.length === 1)
      return { paths: await this.trees.drive(changedPaths(sides[0], tree)), merge: true };
    const bases = await Promise.all(
      plan.bases.map((ids) => Promise.all(ids.map((id) => this.trees.treeOf(id)))),
    );
    const isPlain = sides.length === 2 && bases[0]!.length === 1;
    if (isPlain) {
      const left = await this.trees.drive(unexplainedByMerge(bases[0]![0], sides[0], sides[1], tree));
      if (left.length === 0) return { paths: [], merge: true };
    }
    const beyond = await this.beyondMergingAgain(plan, parents, tree);
    const loose = await this.trees.drive(loosePaths({ sides, bases }, tree));
    // A path that two sides and their one base all have is never the end of a rename: Git has merged it by itself.
    const asked = isPlain ? [] : await this.notByThemselves(plan, tree, loose);
    const carried = without([...loose.strange, ...asked], beyond);
    return { paths: [...beyond, ...carried], merge: true, carried };
  }

  /** What differs from Git's own merge of the sides, and what that merge left to be decided by hand. */
  private async beyondMergingAgain(
    { sides }: MergePlan,
    parents: readonly CommitId[],
    tree: ObjectId,
  ): Promise<string[]> {
    const again = await this.inLane(() => mergeAgain(this.sources, sides));
    return again ? this.differing(again, tree) : this.allPaths(parents, tree);
  }

  private async differing({ tree: again, conflicts }: MergedAgain, tree: ObjectId): Promise<string[]> {
    return [...new Set([...(await this.trees.drive(changedPaths(again, tree))), ...conflicts])];
  }

  /** Of these paths, those where Git merges something else if it has no other paths. */
  private async notByThemselves(
    plan: MergePlan,
    tree: ObjectId,
    { mixed, open }: { readonly mixed: readonly string[]; readonly open: readonly string[] },
  ): Promise<string[]> {
    // Where every tree has all the paths, none of them can be renamed; each of the others is asked about alone.
    const groups = [mixed, ...open.slice(0, MAX_APART).map((path) => [path])];
    const found = await Promise.all(
      groups
        .filter(({ length }) => length > 0)
        .map((paths) => this.inLane(() => this.alone(plan, tree, paths))),
    );
    return [...found.flat(), ...open.slice(MAX_APART)];
  }

  private async alone(
    { sides }: MergePlan,
    tree: ObjectId,
    paths: readonly string[],
  ): Promise<readonly string[]> {
    const narrow = new NarrowTrees(this.sources, this.trees, paths);
    // Before merging, which has Git take in all that is made by then: what is made later cannot be read.
    const made = await narrow.of(tree);
    const again = await mergeAgain(this.sources, sides, narrow);
    return again ? this.differing(again, made) : paths;
  }

  /** Of a merge that cannot be made again, all that is there is its merger's doing, and all that is there no more. */
  private async allPaths(parents: readonly CommitId[], tree: ObjectId): Promise<string[]> {
    const paths = new Set(await this.trees.drive(changedPaths(undefined, tree)));
    for (const parent of parents) {
      const before = await this.trees.treeOf(parent);
      for (const path of await this.trees.drive(changedPaths(before, tree))) paths.add(path);
    }
    return [...paths];
  }
}

/** Trees that have some paths alone, as far as there are files at them. */
class NarrowTrees implements StandInTrees {
  private readonly sources: MergeSources;
  private readonly trees: ReadTrees;
  private readonly paths: readonly string[];
  private readonly known = new Map<ObjectId, Promise<ObjectId>>();

  constructor(sources: MergeSources, trees: ReadTrees, paths: readonly string[]) {
    this.sources = sources;
    this.trees = trees;
    this.paths = paths;
  }

  of(tree: ObjectId): Promise<ObjectId> {
    const known = this.known.get(tree) ?? this.narrowed(tree);
    this.known.set(tree, known);
    return known;
  }

  private async narrowed(tree: ObjectId): Promise<ObjectId> {
    const { hashed, reader } = this.sources;
    const files = await this.trees.drive(filesAt(tree, this.paths));
    await reader.files([...new Set(files.flatMap(({ id, mode }) => (mode === SUBMODULE ? [] : [id])))]);
    const made = treesOfFiles(files, tree.length === 64 ? "sha256" : "sha1");
    for (const { id, content } of made) hashed.add("tree", id, content);
    return made.at(-1)!.id;
  }

  /** All of it is taken in already. */
  async take(): Promise<void> {}
}

function without(paths: readonly string[], others: readonly string[]): string[] {
  const left = new Set(others);
  return paths.filter((path) => !left.has(path));
}
