/**
 * Which paths each commit itself changes, from trees read out of the object database and re-hashed. Merges that
 * whole files do not explain are merged again by `git merge-tree`, in an object directory of our own that holds only
 * what was hashed here (mergers-own.ts, merge-again.ts).
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CommitFacts } from "@firstmile/trust/history/facts";
import { type Graph, mergeBases, type Positions } from "@firstmile/trust/history/graph";
import type { OwnChanges } from "@firstmile/trust/history/judge";
import {
  changedFiles,
  everyDirectory,
  filesAt,
  type PathChange,
  type Tree,
  type TreeReader,
} from "@firstmile/trust/history/trees";
import { isUnreadable, tooManyParents, type Unreadable } from "@firstmile/trust/history/unreadable";
import { leadsOnIn } from "@firstmile/trust/policy/paths";
import { BatchFormatError } from "../git/batch-parser.ts";
import { CollisionError, CorruptObjectsError, HashedObjects } from "../git/hashed-objects.ts";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects, GitReadError } from "../git/objects.ts";
import { HashedReader, hashedContent, parsedTree, UnreadableObject } from "./hashed-reader.ts";
import { type MergeSources, mergePlan } from "./merge-again.ts";
import { MergeBatches } from "./merge-batch.ts";
import { MergersOwn } from "./mergers-own.ts";

/** What a commit's changes are measured against: all its parents (a merge is merged again), the first, or one commit. */
export type Against = "all-parents" | "first-parent" | { readonly commit: CommitId };

/** Trees kept of each of two ages. */
const MAX_YOUNG = 1500;

/** How many commits are compared at once, so that reading trees is pipelined. */
const AT_ONCE = 256;
/** How many merges are merged again at once, in one Git child where they can: what they read waits in memory. */
const MERGES_AT_ONCE = 192;

/** What a side of a merge changed since it and the sides before it parted. */
export interface MergedSide {
  /** The commit where they parted. */
  readonly base: CommitId;
  readonly changes: readonly PathChange[];
}

export interface MergedChange {
  readonly own: readonly string[];
  /** Those of `own` that are as Git merges them, and not as it would merge each path by itself. */
  readonly carried: readonly string[];
  /** Undefined: a side without one known base. */
  readonly sides: readonly (MergedSide | undefined)[];
}

export class ChangeReader implements Disposable {
  private readonly objects: GitObjects;
  private readonly sources: MergeSources;
  private readonly commits: CommitTable;
  private readonly isForeign: (id: CommitId) => boolean;
  private readonly trees = new RecentTrees();
  private readonly order: Positions;
  private readonly lanes: Promise<unknown>[] = Array.from({ length: MERGES_AT_ONCE }, () =>
    Promise.resolve(),
  );
  private merges = 0;
  private readonly mergers: MergersOwn;

  /**
   * `commits`: facts of the commits asked about and of their ancestors as far as they are known, children first.
   * `isForeign`: parents of another history. A merge is compared as if it did not have them.
   */
  constructor(git: NeutralGit, commits: CommitTable, isForeign: (id: CommitId) => boolean = () => false) {
    const hashed = new HashedObjects(git);
    // Reads what merging again came to, and all else from the repository; Git merges without the latter.
    this.objects = new GitObjects({ ...hashed.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: git.objects });
    this.commits = commits;
    this.isForeign = isForeign;
    this.order = commits.positions();
    const links = linksOf(commits, isForeign);
    this.sources = {
      hashed,
      reader: new HashedReader(this.objects, hashed, isForeign),
      batches: new MergeBatches(hashed),
      knownBases: (a, b) => mergeBases(links, this.order, a, b),
    };
    const trees = { treeOf: (id: CommitId) => this.treeOf(id), drive: this.drive.bind(this) };
    this.mergers = new MergersOwn(this.sources, trees, this.inLane.bind(this));
  }

  /** Own changes of each commit, or why they cannot be read. */
  async read(ids: readonly CommitId[], against: Against): Promise<Map<CommitId, OwnChanges | Unreadable>> {
    const changes = new Map<CommitId, OwnChanges | Unreadable>();
    const waiting = [...ids];
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
        changes.set(id, await this.ownChanges(id, against).catch(unreadable));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return changes;
  }

  /** Everything that differs from a commit's first parent, or from another commit; or why it cannot be read. */
  async brought(id: CommitId, against: Exclude<Against, "all-parents">): Promise<PathChange[] | Unreadable> {
    const { parents, tree } = this.commits.get(id)!;
    const from = against === "first-parent" ? parents[0] : against.commit;
    try {
      return await this.drive(changedFiles(from && (await this.treeOf(from)), tree));
    } catch (error) {
      return unreadable(error);
    }
  }

  /**
   * Why the tree of a commit cannot be read, down to its last directory; undefined where it can. `besides`: a commit whose
   * tree was found whole, so that the directories that it has in the same places need not be read again.
   */
  async wholeTree(id: CommitId, besides: CommitId | undefined): Promise<Unreadable | undefined> {
    const known = besides && (await this.treeOf(besides).catch(unreadable));
    const base = typeof known === "string" ? known : undefined;
    try {
      await this.drive(everyDirectory(await this.treeOf(id), base));
      return undefined;
    } catch (error) {
      if (base !== undefined) return this.wholeTree(id, undefined);
      return unreadable(error);
    }
  }

  /**
   * What a merge itself changes; and, if wanted, what each further side brings that its first parent does not reach.
   * `known`: what `read` gave for it.
   */
  async merged(
    id: CommitId,
    withSides: boolean,
    known: OwnChanges | Unreadable | undefined,
  ): Promise<MergedChange | Unreadable> {
    const commit = this.commits.get(id)!;
    try {
      const isKnown = known !== undefined && (isUnreadable(known) || known.merge);
      const made = isKnown ? known : await this.mergersOwn(commit);
      if (isUnreadable(made)) return made;
      const { paths: own, carried = [] } = made;
      return { own, carried, sides: withSides ? await this.sidesOf(this.homeOf(commit)) : [] };
    } catch (error) {
      return unreadable(error);
    }
  }

  /** The parents of a merge behind its first one, as far as they are of this history. */
  furtherParents(id: CommitId): readonly CommitId[] {
    return this.homeOf(this.commits.get(id)!).slice(1);
  }

  private async sidesOf(parents: readonly CommitId[]): Promise<(MergedSide | undefined)[]> {
    const plan = await mergePlan(this.sources, parents, true);
    if (plan === undefined) return [undefined];
    const [, ...others] = plan.sides;
    return Promise.all(others.map((other, i) => this.since(plan.bases[i]!, other)));
  }

  /** Undefined without exactly one best common ancestor: nothing that was read of this side says what it brings. */
  private async since(
    [base, ...more]: readonly CommitId[],
    other: CommitId,
  ): Promise<MergedSide | undefined> {
    if (base === undefined || more.length > 0) return undefined;
    return {
      base,
      changes: await this.drive(changedFiles(await this.treeOf(base), await this.treeOf(other))),
    };
  }

  [Symbol.dispose](): void {
    this.objects[Symbol.dispose]();
  }

  private async ownChanges(id: CommitId, against: Against): Promise<OwnChanges | Unreadable> {
    const commit = this.commits.get(id)!;
    if (typeof against === "object") return this.plain(await this.treeOf(against.commit), commit.tree);
    const parents = against === "first-parent" ? commit.parents.slice(0, 1) : commit.parents;
    if (parents.length > 1) return this.mergersOwn(commit);
    const before = parents[0] === undefined ? undefined : await this.treeOf(parents[0]);
    return this.plain(before, commit.tree);
  }

  private async plain(before: ObjectId | undefined, after: ObjectId): Promise<OwnChanges> {
    const changes = await this.drive(changedFiles(before, after));
    const leading = changes.filter((change) => leadsOnIn(change.after?.mode)).map(({ path }) => path);
    return { paths: changes.map(({ path }) => path), merge: false, ...leadingOn(leading) };
  }

  /** A merge's foreign parents are left out: all that it takes from them is its own change. */
  private async mergersOwn(commit: CommitFacts): Promise<OwnChanges | Unreadable> {
    const tooMany = tooManyParents(commit.parents.length);
    if (tooMany) return tooMany;
    const home = this.homeOf(commit);
    const own = await this.mergers.of({ ...commit, parents: home });
    const files = await this.drive(filesAt(commit.tree, own.paths));
    const leading = files.filter(({ mode }) => leadsOnIn(mode)).map(({ path }) => path);
    const isForeign = home.length < commit.parents.length;
    return { ...own, ...leadingOn(leading), ...(isForeign ? { foreign: true } : {}) };
  }

  /** The parents of this history; all of them where the commit itself is of another one. */
  private homeOf({ id, parents }: CommitFacts): readonly CommitId[] {
    return this.isForeign(id) ? parents : parents.filter((parent) => !this.isForeign(parent));
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
    const content = hashedContent("commit", id, await this.objects.get(id));
    return content.toString("latin1", 5, 5 + id.length) as ObjectId;
  }

  private async drive<Result>(reader: TreeReader<Result>): Promise<Result> {
    let step = reader.next();
    while (!step.done) step = reader.next(await this.tree(step.value));
    return step.value;
  }

  private tree(id: ObjectId): Promise<Tree> {
    const known = this.trees.get(id);
    if (known) return known;
    const tree = this.readTree(id);
    this.trees.set(id, tree);
    return tree;
  }

  private async readTree(id: ObjectId): Promise<Tree> {
    const content = hashedContent("tree", id, await this.objects.get(id));
    const entries = parsedTree(id, content);
    return new Map(entries.map((entry) => [latin1(entry.name), entry]));
  }
}

/**
 * Trees that were read lately. Commits are asked about in the order of history, so the same ones come up soon again or
 * not at all; to keep more costs more time to collect garbage than to read them anew.
 */
class RecentTrees {
  private young = new Map<ObjectId, Promise<Tree>>();
  private old = new Map<ObjectId, Promise<Tree>>();

  get(id: ObjectId): Promise<Tree> | undefined {
    const young = this.young.get(id);
    if (young) return young;
    const old = this.old.get(id);
    if (old) this.set(id, old);
    return old;
  }

  set(id: ObjectId, tree: Promise<Tree>): void {
    if (this.young.size >= MAX_YOUNG) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(id, tree);
  }
}

function leadingOn(paths: readonly string[]): Pick<OwnChanges, "leadingOn"> {
  return paths.length > 0 ? { leadingOn: new Set(paths) } : {};
}

const CORRUPT = [FormatError, CollisionError, CorruptObjectsError, GitReadError, BatchFormatError];

/** Why what had to be read cannot be. Any other error is a fault of this machine, and stays one. */
function unreadable(error: unknown): Unreadable {
  if (error instanceof UnreadableObject) return { unreadable: error.code, problem: error.message };
  if (!(error instanceof Error) || !CORRUPT.some((kind) => error instanceof kind)) throw error;
  return { unreadable: "corrupt-object", problem: error.message };
}

/** Parents alone, each looked up once: walks for merge bases cross the same commits again and again. */
function linksOf(commits: CommitTable, isForeign: (id: CommitId) => boolean): Graph {
  const known = new Map<CommitId, { readonly parents: readonly CommitId[] }>();
  const get = (id: CommitId) => {
    const links = known.get(id) ?? commits.get(id);
    if (!links || known.has(id)) return links;
    const parents = isForeign(id) ? links.parents : links.parents.filter((parent) => !isForeign(parent));
    known.set(id, { parents });
    return known.get(id);
  };
  return { has: (id) => commits.has(id), get };
}
