/**
 * What differs between two commits: as it is shown, and as it is signed.
 *
 * Claims: both come from the same bytes, each hashed here and kept in a database of our own, from which alone Git makes
 * the text; neither attributes nor configuration of the repository have a say in it. Against: whoever owns the
 * repository and shows a reviewer one content and has another signed: by swapped objects, by two files of one SHA-1,
 * by `-diff` in .gitattributes, by a textconv program. Leaves out: what the content means.
 */
import { createHash } from "node:crypto";
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { linkDefect } from "@firstmile/formats/git/link-target";
import { type CommitId, hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import { treesOfFiles } from "@firstmile/formats/git/tree-of-files";
import type { FileVersion, ReviewedChange } from "@firstmile/formats/statement/review";
import { changedFiles, type PathChange, type Tree } from "@firstmile/trust/history/trees";
import type { Content } from "@firstmile/trust/slice/approvals";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { HashedReader, UnreadableObject } from "../evidence/hashed-reader.ts";
import { takeMaterial } from "../evidence/merge-material.ts";
import { CollisionError, CorruptObjectsError, HashedObjects } from "../git/hashed-objects.ts";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { runOk } from "../process/run.ts";
import type { ReviewRange } from "./range.ts";

const SUBMODULE = 0o160000;
const LINK = 0o120000;
/** Bytes of the listing of line counts: some hundred thousand paths. */
const MAX_COUNTS = 256 << 20;

const UNREADABLE = [UnreadableObject, CollisionError, CorruptObjectsError, FormatError];

/** Lines added and removed in one path; undefined: Git holds it for binary and does not show it. */
export interface LineCount {
  readonly added: number | undefined;
  readonly removed: number | undefined;
  /** Latin-1, one character a byte. */
  readonly path: string;
}

/** One file by itself, from a content that somebody read before, or whole. */
export interface FileChange {
  /** Latin-1. */
  readonly path: string;
  readonly before: Content | undefined;
  /** Undefined: it goes. */
  readonly after: Content | undefined;
}

/** The repository's objects as they are read here; goes with `git`. */
export class ReviewMaterial implements Disposable {
  readonly objects: GitObjects;
  readonly reader: HashedReader;
  readonly #hashed: HashedObjects;
  readonly #format: NeutralGit["format"];

  constructor(git: NeutralGit) {
    this.#format = git.format;
    this.objects = new GitObjects(git.env);
    this.#hashed = new HashedObjects(git);
    this.reader = new HashedReader(this.objects, this.#hashed);
  }

  /** Throws `RepositoryError` where not all of it can be read, or SHA-1 is attacked. */
  change(range: ReviewRange): Promise<ReadChange> {
    return readable(this.#read(range));
  }

  /**
   * Files one by one, each before and after, whichever commits have them, in the order given. Throws as `change`, also
   * where a content has another SHA-256 than is named.
   */
  files(changes: readonly FileChange[]): Promise<ReadChange[]> {
    return readable(this.#readFiles(changes));
  }

  async #readFiles(changes: readonly FileChange[]): Promise<ReadChange[]> {
    const named = changes.flatMap(({ before, after }) => [before, after].filter((one) => one !== undefined));
    await this.reader.files([...new Set(named.map(({ id }) => id))]);
    const trees = changes.map(({ path, before, after }) => [
      this.#treeOfFile(path, before),
      this.#treeOfFile(path, after),
    ]);
    await this.#hashed.flush();
    const digests = await digestsOf(this.#hashed.env, named);
    const other = named.find(({ id, sha256 }) => digests.get(id) !== sha256);
    await refuseBadLinks(this.#hashed.env, changes);
    if (other) throw new RepositoryError(`${other.id} is not the content with SHA-256 ${other.sha256}`);
    return changes.map(
      (change, i) => new ReadChange(this.#hashed.env, trees[i]![0]!, trees[i]![1]!, [change]),
    );
  }

  /** Into our own database, from which it is shown. */
  #treeOfFile(path: string, file: Content | undefined): ObjectId {
    const trees = treesOfFiles(file ? [{ path, mode: file.mode, id: file.id }] : [], this.#format);
    for (const { id, content } of trees) this.#hashed.add("tree", id, content);
    return trees.at(-1)!.id;
  }

  async #read({ base, tip }: ReviewRange): Promise<ReadChange> {
    const [before, after] = [await this.#treeOf(base, tip), await this.#treeOf(tip, tip)];
    await takeMaterial(this.reader, [before, after]);
    await this.#hashed.flush();
    const changes = await this.#changes(before, after);
    await refuseBadLinks(this.#hashed.env, changes);
    return new ReadChange(this.#hashed.env, before, after, await digested(this.#hashed.env, changes));
  }

  /** Before a first commit there is the empty tree, which Git knows without having it. */
  async #treeOf(commit: CommitId | undefined, sibling: CommitId): Promise<ObjectId> {
    if (commit !== undefined) return (await this.reader.commit(commit)).tree;
    return hashObject("tree", new Uint8Array(0), sibling.length === 64 ? "sha256" : "sha1");
  }

  async #changes(before: ObjectId, after: ObjectId): Promise<PathChange[]> {
    using objects = new GitObjects(this.#hashed.env);
    const walk = changedFiles(before, after);
    let step = walk.next();
    while (!step.done) step = walk.next(await treeOf(objects, step.value));
    // Latin-1 strings compare as the bytes that they stand for.
    return step.value.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  [Symbol.dispose](): void {
    this.objects[Symbol.dispose]();
  }
}

async function treeOf(objects: GitObjects, id: ObjectId): Promise<Tree> {
  const object = await objects.get(id);
  // As an empty directory it would hide a change from its reader.
  if (object?.type !== "tree") throw new RepositoryError(`tree ${id} is gone from our own database`);
  const entries = parseTree(object.content, id.length === 64 ? 32 : 20);
  return new Map(entries.map((entry) => [latin1(entry.name), entry]));
}

/** What is approved leads where it says. That such a link goes may be approved. */
async function refuseBadLinks(
  env: NodeJS.ProcessEnv,
  changes: readonly { readonly path: string; readonly after?: FileVersion | undefined }[],
): Promise<void> {
  const links = changes.flatMap(({ path, after }) => (after?.mode === LINK ? [{ path, id: after.id }] : []));
  const bad: string[] = [];
  using objects = new GitObjects(env);
  await objects.each(
    links.map(({ id }) => id),
    (object, place) => {
      const defect =
        object && ("oversized" in object ? "its target is too long" : linkDefect(object.content));
      if (defect !== undefined) bad.push(`${visiblePath(links[place]!.path)}: ${defect}`);
    },
  );
  if (bad.length > 0)
    throw new RepositoryError(`no system follows this symbolic link as it is written: ${bad[0]}`);
}

async function digested(env: NodeJS.ProcessEnv, changes: readonly PathChange[]): Promise<ReviewedChange[]> {
  const versions = changes.flatMap(({ before, after }) => [before, after]);
  const blobs = versions.flatMap((one) => (one && one.mode !== SUBMODULE ? [one] : []));
  const digests = await digestsOf(env, blobs);
  return changes.map(({ path, before, after }) => {
    const was = before && digests.get(before.id);
    return {
      path,
      before: before && (was === undefined ? before : { ...before, sha256: was }),
      after: after && { ...after, sha256: digests.get(after.id) },
    };
  });
}

/** SHA-256 of files in our own database, in hex. */
async function digestsOf(
  env: NodeJS.ProcessEnv,
  blobs: readonly FileVersion[],
): Promise<Map<ObjectId, string>> {
  using objects = new GitObjects(env);
  const digests = new Map<ObjectId, string>();
  await objects.each(
    blobs.map(({ id }) => id),
    (object, place) => {
      const { id } = blobs[place]!;
      if (!object || "oversized" in object) throw new Error(`${id} is gone from our own database`);
      digests.set(id, createHash("sha256").update(object.content).digest("hex"));
    },
  );
  return digests;
}

async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!UNREADABLE.some((kind) => error instanceof kind)) throw error;
    throw new RepositoryError(`this change cannot be read whole: ${(error as Error).message}`);
  }
}

/** A change that was read whole. */
export class ReadChange {
  /** Every path that differs, by the bytes of the path, with SHA-256. Renames are a removal and an addition. */
  readonly changes: readonly ReviewedChange[];
  /** For Git children that read nothing but what was hashed here. */
  readonly env: NodeJS.ProcessEnv;
  readonly #trees: readonly [before: ObjectId, after: ObjectId];

  constructor(env: NodeJS.ProcessEnv, before: ObjectId, after: ObjectId, changes: readonly ReviewedChange[]) {
    this.env = env;
    this.#trees = [before, after];
    this.changes = changes;
  }

  /** Arguments for `git` that compare the two trees, path by path and without guesses about renames. */
  diffArgs(...how: readonly string[]): string[] {
    const plain = [
      "--no-ext-diff",
      "--no-textconv",
      "--no-color",
      "--no-renames",
      "--ignore-submodules=none",
    ];
    return ["-c", "core.quotePath=false", "diff-tree", "-r", ...plain, ...how, ...this.#trees];
  }

  async lineCounts(): Promise<LineCount[]> {
    const counted = await runOk("git", this.diffArgs("--numstat", "-z"), {
      env: this.env,
      maxBytes: MAX_COUNTS,
    });
    const lines = counted.toString("latin1").split("\0").filter(Boolean);
    return lines.map((line) => {
      const [added, removed, ...path] = line.split("\t");
      const number = (text: string) => (text === "-" ? undefined : Number(text));
      return { added: number(added!), removed: number(removed!), path: path.join("\t") };
    });
  }
}
