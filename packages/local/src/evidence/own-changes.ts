/**
 * Which paths each commit itself changes, from trees read out of the object database and re-hashed. Merges that
 * whole files do not explain are merged again by `git merge-tree`, in a scratch object directory, so that nothing
 * is written into the repository under test.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { latin1 } from "@firstmile/formats/bytes/text";
import { type CommitId, hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import { mergeBases } from "@firstmile/trust/history/graph";
import type { OwnChanges } from "@firstmile/trust/history/judge";
import {
  changedPaths,
  differingFiles,
  type Tree,
  type TreeReader,
  unexplainedByMerge,
} from "@firstmile/trust/history/trees";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { mergeAgain } from "./merge-again.ts";

/** What a commit's changes are measured against: all its parents (a merge is merged again), the first, or one commit. */
export type Against = "all-parents" | "first-parent" | { readonly commit: CommitId };

/** How many commits are compared at once, so that reading trees is pipelined. */
const AT_ONCE = 256;
/** How many merges are merged again at once: each is a Git child, and a hostile history can be all merges. */
const MERGES_AT_ONCE = 4;

export class ChangeReader implements Disposable {
  private readonly objects: GitObjects;
  private readonly env: NodeJS.ProcessEnv;
  private readonly commits: ReadonlyMap<CommitId, CommitFacts>;
  private readonly trees = new Map<ObjectId, Promise<Tree>>();
  private readonly order: Map<CommitId, number>;
  private readonly lanes: Promise<unknown>[] = Array.from({ length: MERGES_AT_ONCE }, () =>
    Promise.resolve(),
  );
  private merges = 0;

  /** `commits`: facts of the commits asked about and of their ancestors as far as they are known, children first. */
  constructor(git: NeutralGit, commits: ReadonlyMap<CommitId, CommitFacts>) {
    const scratch = join(git.env.GIT_DIR!, "scratch");
    mkdirSync(scratch, { recursive: true });
    this.env = { ...git.env, GIT_OBJECT_DIRECTORY: scratch, GIT_ALTERNATE_OBJECT_DIRECTORIES: git.objects };
    this.objects = new GitObjects(this.env);
    this.commits = commits;
    this.order = new Map([...commits.keys()].map((id, i) => [id, i]));
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
    const clean = await this.inLane(() =>
      mergeAgain(this.env, parents, (commits) => this.requireFiles(commits)),
    );
    const differing = await this.drive(changedPaths(clean?.tree, tree));
    return [...new Set([...differing, ...(clean?.conflicts ?? [])])];
  }

  private inLane<Result>(work: () => Promise<Result>): Promise<Result> {
    const lane = this.merges++ % MERGES_AT_ONCE;
    const result = this.lanes[lane]!.then(work);
    this.lanes[lane] = result.catch(() => {});
    return result;
  }

  /**
   * Git merges the bytes that the database gives it and hashes none of them. Planted ones could make a smuggled
   * change look clean, so each file that differs between the commits of a merge is hashed before.
   */
  private async requireFiles(commits: readonly CommitId[]): Promise<void> {
    const [first, ...others] = await Promise.all(commits.map((id) => this.treeOf(id)));
    const differing = await Promise.all(others.map((tree) => this.drive(differingFiles(first, tree))));
    const ids = [...new Set(differing.flat())];
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      const batch = await this.objects.getAll(ids.slice(i, i + AT_ONCE));
      for (const [j, object] of batch.entries()) {
        const id = ids[i + j]!;
        if (object?.type !== "blob" || hashObject("blob", object.content, formatOf(id)) !== id)
          throw new UnreadableTree(id);
      }
    }
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

function unreadable(error: unknown): undefined {
  if (error instanceof UnreadableTree || (error instanceof Error && error.name === "FormatError"))
    return undefined;
  throw error;
}

function formatOf(id: string): "sha1" | "sha256" {
  return id.length === 64 ? "sha256" : "sha1";
}
