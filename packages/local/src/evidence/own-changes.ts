/**
 * Which paths each commit itself changes, from trees read out of the object database and re-hashed. Merges that
 * whole files do not explain are merged again by `git merge-tree`, in an object directory of our own that holds only
 * what was hashed here (merge-again.ts).
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { type CommitId, hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import type { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import { mergeBases, type Positions } from "@firstmile/trust/history/graph";
import type { OwnChanges } from "@firstmile/trust/history/judge";
import {
  changedFiles,
  changedPaths,
  type PathChange,
  type Tree,
  type TreeReader,
  unexplainedByMerge,
} from "@firstmile/trust/history/trees";
import { CollisionError, CorruptObjectsError, HashedObjects } from "../git/hashed-objects.ts";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { HashedReader, UnreadableObject } from "./hashed-reader.ts";
import { type MergeSources, mergeAgain, mergeBasesOf } from "./merge-again.ts";

/** What a commit's changes are measured against: all its parents (a merge is merged again), the first, or one commit. */
export type Against = "all-parents" | "first-parent" | { readonly commit: CommitId };

/** How many commits are compared at once, so that reading trees is pipelined. */
const AT_ONCE = 256;
/** How many merges are merged again at once: each is a Git child, and a hostile history can be all merges. */
const MERGES_AT_ONCE = 4;

export class ChangeReader implements Disposable {
  private readonly objects: GitObjects;
  private readonly sources: MergeSources;
  private readonly commits: CommitTable;
  private readonly trees = new Map<ObjectId, Promise<Tree>>();
  private readonly order: Positions;
  private readonly lanes: Promise<unknown>[] = Array.from({ length: MERGES_AT_ONCE }, () =>
    Promise.resolve(),
  );
  private merges = 0;

  /** `commits`: facts of the commits asked about and of their ancestors as far as they are known, children first. */
  constructor(git: NeutralGit, commits: CommitTable) {
    const hashed = new HashedObjects(git);
    // Reads what merging again came to, and all else from the repository; Git merges without the latter.
    this.objects = new GitObjects({ ...hashed.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: git.objects });
    this.commits = commits;
    this.order = commits.positions();
    this.sources = {
      hashed,
      reader: new HashedReader(this.objects, hashed),
      knownBases: (a, b) => mergeBases(commits, this.order, a, b),
    };
  }

  /** Own changes of each commit; one whose trees cannot be read has no entry. */
  async read(ids: readonly CommitId[], against: Against): Promise<Map<CommitId, OwnChanges>> {
    const changes = new Map<CommitId, OwnChanges>();
    const waiting = [...ids];
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const own = await this.ownChanges(id, against).catch((error: unknown) => unreadable(error));
        if (own) changes.set(id, own);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return changes;
  }

  /** Everything that differs from a commit's first parent, or from another commit; undefined where unreadable. */
  async brought(id: CommitId, against: Exclude<Against, "all-parents">): Promise<PathChange[] | undefined> {
    const { parents, tree } = this.commits.get(id)!;
    const from = against === "first-parent" ? parents[0] : against.commit;
    try {
      return await this.drive(changedFiles(from && (await this.treeOf(from)), tree));
    } catch (error) {
      return unreadable(error);
    }
  }

  /** A merge's own paths, and what each further parent changed since it and the first one parted. */
  async merged(id: CommitId): Promise<{ own: string[]; sides: PathChange[][] } | undefined> {
    const commit = this.commits.get(id)!;
    const [first, ...others] = commit.parents as [CommitId, ...CommitId[]];
    try {
      const own = await this.mergersOwn(commit);
      return { own, sides: await Promise.all(others.map((other) => this.since(first, other))) };
    } catch (error) {
      return unreadable(error);
    }
  }

  /** Nothing where the two have no single best common ancestor: then only the merge as a whole can have been read. */
  private async since(first: CommitId, other: CommitId): Promise<PathChange[]> {
    const [base, ...more] = await mergeBasesOf(this.sources, first, other);
    if (base === undefined || more.length > 0) return [];
    return this.drive(changedFiles(await this.treeOf(base), await this.treeOf(other)));
  }

  [Symbol.dispose](): void {
    this.objects[Symbol.dispose]();
  }

  private async ownChanges(id: CommitId, against: Against): Promise<OwnChanges> {
    const commit = this.commits.get(id)!;
    if (typeof against === "object") return this.plain(await this.treeOf(against.commit), commit.tree);
    const parents = against === "first-parent" ? commit.parents.slice(0, 1) : commit.parents;
    if (parents.length > 1) return { paths: await this.mergersOwn(commit), merge: true };
    const before = parents[0] === undefined ? undefined : await this.treeOf(parents[0]);
    return this.plain(before, commit.tree);
  }

  private async plain(before: ObjectId | undefined, after: ObjectId): Promise<OwnChanges> {
    return { paths: await this.drive(changedPaths(before, after)), merge: false };
  }

  private async mergersOwn(commit: CommitFacts): Promise<string[]> {
    const [ours, theirs, ...more] = commit.parents as [CommitId, CommitId, ...CommitId[]];
    const bases = more.length === 0 ? mergeBases(this.commits, this.order, ours, theirs) : undefined;
    if (bases?.length === 1) {
      const trees = await Promise.all([bases[0]!, ours, theirs].map((id) => this.treeOf(id)));
      const left = await this.drive(unexplainedByMerge(trees[0], trees[1], trees[2], commit.tree));
      if (left.length === 0) return [];
    }
    return this.beyondMergingAgain(commit);
  }

  /** What differs from Git's own merge of the parents, and what that merge left to be decided by hand. */
  private async beyondMergingAgain({ parents, tree }: CommitFacts): Promise<string[]> {
    const clean = await this.inLane(() => mergeAgain(this.sources, parents));
    const differing = await this.drive(changedPaths(clean?.tree, tree));
    return [...new Set([...differing, ...(clean?.conflicts ?? [])])];
  }

  private inLane<Result>(work: () => Promise<Result>): Promise<Result> {
    const lane = this.merges++ % MERGES_AT_ONCE;
    const result = this.lanes[lane]!.then(work);
    this.lanes[lane] = result.catch(() => {});
    return result;
  }

  private async treeOf(id: CommitId): Promise<ObjectId> {
    const known = this.commits.get(id);
    if (known) return known.tree;
    const object = await this.objects.get(id);
    if (object?.type !== "commit" || hashObject("commit", object.content, formatOf(id)) !== id)
      throw new UnreadableTree(id);
    return object.content.toString("latin1", 5, 5 + id.length) as ObjectId;
  }

  private async drive<Result>(reader: TreeReader<Result>): Promise<Result> {
    let step = reader.next();
    while (!step.done) step = reader.next(await this.tree(step.value));
    return step.value;
  }

  private tree(id: ObjectId): Promise<Tree> {
    const known = this.trees.get(id);
    if (known) return known;
    if (this.trees.size > 20_000) this.trees.clear();
    const tree = this.readTree(id);
    this.trees.set(id, tree);
    return tree;
  }

  private async readTree(id: ObjectId): Promise<Tree> {
    const object = await this.objects.get(id);
    if (object?.type !== "tree" || hashObject("tree", object.content, formatOf(id)) !== id)
      throw new UnreadableTree(id);
    const entries = parseTree(object.content, id.length === 64 ? 32 : 20);
    return new Map(entries.map((entry) => [latin1(entry.name), entry]));
  }
}

/** A tree, file or commit that is missing, malformed or does not hash to its id. */
class UnreadableTree extends Error {}

const UNREADABLE = [FormatError, UnreadableTree, UnreadableObject, CollisionError, CorruptObjectsError];

function unreadable(error: unknown): undefined {
  if (UNREADABLE.some((kind) => error instanceof kind)) return undefined;
  throw error;
}

function formatOf(id: string): "sha1" | "sha256" {
  return id.length === 64 ? "sha256" : "sha1";
}
