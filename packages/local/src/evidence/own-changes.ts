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
import { changedPaths, type Tree, type TreeReader, unexplainedByMerge } from "@firstmile/trust/history/trees";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { run } from "../process/run.ts";

/** What a commit's changes are measured against: all its parents (a merge is merged again), the first, or one commit. */
export type Against = "all-parents" | "first-parent" | { readonly commit: CommitId };

/** How many commits are compared at once, so that reading trees is pipelined. */
const AT_ONCE = 256;

export class ChangeReader implements Disposable {
  private readonly objects: GitObjects;
  private readonly env: NodeJS.ProcessEnv;
  private readonly commits: ReadonlyMap<CommitId, CommitFacts>;
  private readonly trees = new Map<ObjectId, Promise<Tree>>();
  private readonly order: Map<CommitId, number>;

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
    if (more.length > 0) return this.octopusOwn(commit);
    const bases = mergeBases(this.commits, this.order, ours, theirs);
    if (bases?.length === 1) {
      const trees = await Promise.all([bases[0]!, ours, theirs].map((id) => this.treeOf(id)));
      const left = await this.drive(unexplainedByMerge(trees[0], trees[1], trees[2], commit.tree));
      if (left.length === 0) return [];
    }
    const clean = await this.mergeAgain(ours, theirs);
    return this.drive(changedPaths(clean, commit.tree));
  }

  /** Of three and more parents, each path must be as some parent has it that changed it against the first. */
  private async octopusOwn(commit: CommitFacts): Promise<string[]> {
    const trees = await Promise.all(commit.parents.map((id) => this.treeOf(id)));
    const differing = await Promise.all(trees.map((tree) => this.drive(changedPaths(tree, commit.tree))));
    const [againstFirst, ...others] = differing.map((paths) => new Set(paths));
    const brought = await Promise.all(trees.slice(1).map((tree) => this.drive(changedPaths(trees[0], tree))));
    const own = [...againstFirst!].filter((path) => others.every((paths) => paths.has(path)));
    const left = brought.flat().filter((path) => !againstFirst!.has(path));
    return [...new Set([...own, ...left])];
  }

  /** The tree of a clean merge, with conflict marks where it is none. Undefined (all is new) where Git cannot tell. */
  private async mergeAgain(ours: CommitId, theirs: CommitId): Promise<ObjectId | undefined> {
    const args = [
      "merge-tree",
      "--write-tree",
      "--no-messages",
      "-z",
      "--allow-unrelated-histories",
      ours,
      theirs,
    ];
    const merged = await run("git", args, { env: this.env, timeoutMs: 120_000 });
    const tree = /^[0-9a-f]{40,64}/.exec(merged.stdout.toString("latin1"))?.[0];
    return merged.code <= 1 && tree ? (tree as ObjectId) : undefined;
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

/** A tree or commit that is missing, malformed or does not hash to its id. */
class UnreadableTree extends Error {}

function unreadable(error: unknown): undefined {
  if (error instanceof UnreadableTree || (error instanceof Error && error.name === "FormatError"))
    return undefined;
  throw error;
}

function formatOf(id: string): "sha1" | "sha256" {
  return id.length === 64 ? "sha256" : "sha1";
}
