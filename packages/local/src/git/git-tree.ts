/**
 * Walks a Git tree in the order of its NAR, reading objects ahead so that `git cat-file` never waits.
 *
 * Claims: every byte handed on hashes to the id that names it in the tree above, up to the root's id. Against: an
 * object database that answers with other bytes, and trees made to be expensive: one directory listed in itself ten
 * times over, ten levels deep, is some kilobytes in Git and more files than any disk holds.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { parseTree, type TreeEntry } from "@firstmile/formats/git/tree";
import { compareNarNames } from "@firstmile/formats/nix/nar";
import type { GitObject, GitObjects, OversizedObject } from "./objects.ts";

/** A tree that cannot be read as what its id names. */
export class GitTreeError extends Error {
  readonly code: "missing-object" | "corrupt-object";

  constructor(code: GitTreeError["code"], message: string) {
    super(message);
    this.name = "GitTreeError";
    this.code = code;
  }
}

export type TreeStep =
  | { readonly kind: "directory"; readonly name: Uint8Array }
  | { readonly kind: "end" }
  | {
      readonly kind: "file";
      readonly name: Uint8Array;
      readonly executable: boolean;
      readonly id: ObjectId;
    }
  | { readonly kind: "symlink"; readonly name: Uint8Array; readonly id: ObjectId }
  /** The commit is not looked at: Nix sees an empty directory. */
  | { readonly kind: "submodule"; readonly name: Uint8Array; readonly id: ObjectId };

const DIRECTORY = 0o40000;
const MAX_FILES = 4_000_000;
const MAX_DEPTH = 64;
/** Objects asked for ahead of the one in use. Answers come in order and are used at once, so few are ever held. */
const AHEAD = 1024;

/** The directories of a tree, each read and re-hashed once. Files are left where they are. */
export class GitTree {
  readonly root: ObjectId;
  private readonly directories: ReadonlyMap<ObjectId, readonly TreeEntry[]>;

  private constructor(root: ObjectId, directories: ReadonlyMap<ObjectId, readonly TreeEntry[]>) {
    this.root = root;
    this.directories = directories;
  }

  /** Throws `GitTreeError`. */
  static async read(objects: GitObjects, root: ObjectId): Promise<GitTree> {
    const directories = new Map<ObjectId, readonly TreeEntry[]>();
    const known = new Set<ObjectId>([root]);
    for (let level: ObjectId[] = [root]; level.length > 0; ) {
      const next: ObjectId[] = [];
      await eachTree(objects, level, (directory, entries) => {
        directories.set(directory, entries);
        for (const { mode, id } of entries) {
          if (mode === DIRECTORY && known.size !== known.add(id).size) next.push(id);
        }
      });
      level = next;
    }
    checkSize(directories, root);
    return new GitTree(root, directories);
  }

  /** What is in the tree, directories around what they hold, by name in ascending order of bytes. */
  *steps(): Generator<TreeStep> {
    const open: Iterator<TreeEntry>[] = [this.entries(this.root)];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const { done, value: entry } = top.next();
      if (done) {
        open.pop();
        if (open.length > 0) yield { kind: "end" };
      } else if (entry.mode === DIRECTORY) {
        yield { kind: "directory", name: entry.name };
        open.push(this.entries(entry.id));
      } else yield leaf(entry);
    }
  }

  /** What is in one of its directories, by name in ascending order of bytes. */
  entriesOf(directory: ObjectId): readonly TreeEntry[] {
    return this.directories.get(directory)!;
  }

  private entries(id: ObjectId): Iterator<TreeEntry> {
    return this.entriesOf(id).values();
  }

  /** Every file and link with its path, names joined by `/` as byte strings. Submodules are in it, directories not. */
  *leaves(): Generator<{ readonly path: string; readonly step: TreeLeaf }> {
    const prefix: string[] = [];
    for (const step of this.steps()) {
      if (step.kind === "directory") prefix.push(`${latin1(step.name)}/`);
      else if (step.kind === "end") prefix.pop();
      else yield { path: prefix.join("") + latin1(step.name), step };
    }
  }
}

/** All that are asked for at once, each as soon as it is here: a promise for each takes longer than reading it. */
async function eachTree(
  objects: GitObjects,
  ids: readonly ObjectId[],
  take: (id: ObjectId, entries: readonly TreeEntry[]) => void,
): Promise<void> {
  let failure: unknown;
  await objects.each(ids, (object, place) => {
    const id = ids[place]!;
    try {
      if (failure === undefined) take(id, entriesOf(id, verified({ id, kind: "tree" }, object)));
    } catch (error) {
      // The reader of the objects is not at fault, and goes on.
      failure = error;
    }
  });
  if (failure !== undefined) throw failure;
}

/** Counts what the tree unfolds to, each directory once, before anything walks it. */
function checkSize(directories: ReadonlyMap<ObjectId, readonly TreeEntry[]>, root: ObjectId): void {
  const sizes = new Map<ObjectId, number>();
  const sizeOf = (id: ObjectId, depth: number): number => {
    const known = sizes.get(id);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) throw new GitTreeError("corrupt-object", `tree ${root} is too deep`);
    let size = 1;
    for (const entry of directories.get(id)!)
      size += entry.mode === DIRECTORY ? sizeOf(entry.id, depth + 1) : 1;
    sizes.set(id, size);
    return size;
  };
  if (sizeOf(root, 1) > MAX_FILES)
    throw new GitTreeError("corrupt-object", `tree ${root} has too many files`);
}

export type TreeLeaf = Exclude<TreeStep, { readonly kind: "directory" | "end" }>;

function leaf({ mode, name, id }: TreeEntry): TreeLeaf {
  if (mode === 0o120000) return { kind: "symlink", name, id };
  if (mode === 0o160000) return { kind: "submodule", name, id };
  return { kind: "file", name, id, executable: mode === 0o100755 };
}

function entriesOf(id: ObjectId, content: Uint8Array): readonly TreeEntry[] {
  try {
    const entries = parseTree(content, id.length === 64 ? 32 : 20);
    return entries.sort((a, b) => compareNarNames(a.name, b.name));
  } catch (error) {
    if (error instanceof FormatError) throw new GitTreeError("corrupt-object", `${id}: ${error.message}`);
    throw error;
  }
}

interface Wanted {
  readonly id: ObjectId;
  readonly kind: "tree" | "blob";
}

/** Verified objects, each beside what asked for it, in order; reads ahead. Throws `GitTreeError`. */
export async function* inOrder<T>(
  objects: GitObjects,
  items: Iterable<T>,
  want: (item: T) => Wanted | undefined,
): AsyncGenerator<{ readonly item: T; readonly id: ObjectId; readonly content: Buffer }> {
  yield* new ReadAhead(objects, items, want);
}

interface Asked<T> {
  readonly item: T;
  readonly wanted: Wanted | undefined;
  readonly answer: Promise<GitObject | undefined> | undefined;
}

class ReadAhead<T> {
  private readonly objects: GitObjects;
  private readonly items: Iterator<T>;
  private readonly want: (item: T) => Wanted | undefined;

  constructor(objects: GitObjects, items: Iterable<T>, want: (item: T) => Wanted | undefined) {
    this.objects = objects;
    this.items = items[Symbol.iterator]();
    this.want = want;
  }

  async *[Symbol.asyncIterator]() {
    for (let batch = this.ask(AHEAD / 2); batch.length > 0; ) {
      const next = this.ask(AHEAD / 2);
      for (const { item, wanted, answer } of batch) {
        if (!wanted || !answer) yield { item, id: "" as ObjectId, content: NOTHING };
        else yield { item, id: wanted.id, content: verified(wanted, await answer) };
      }
      batch = next;
    }
  }

  private ask(count: number): Asked<T>[] {
    const batch: Asked<T>[] = [];
    while (batch.length < count) {
      const { done, value } = this.items.next();
      if (done) break;
      const wanted = this.want(value);
      const answer = wanted && this.objects.get(wanted.id);
      // Whoever stops early leaves answers that nobody awaits.
      answer?.catch(() => {});
      batch.push({ item: value, wanted, answer });
    }
    return batch;
  }
}

const NOTHING = Buffer.alloc(0);

function verified({ id, kind }: Wanted, object: GitObject | OversizedObject | undefined): Buffer {
  if (object && "oversized" in object)
    throw new GitTreeError("corrupt-object", `${id} has ${object.oversized} bytes, over the limit`);
  if (!object) throw new GitTreeError("missing-object", `${kind} ${id} is not in the repository`);
  if (object.type !== kind)
    throw new GitTreeError("corrupt-object", `${id} is a ${object.type}, not a ${kind}`);
  if (hashObject(kind, object.content, objectHashOf(id)) !== id)
    throw new GitTreeError("corrupt-object", `${id}: its content does not hash to its id`);
  return object.content;
}

/** What has to be read for a step: files and links have content. */
export function blobOf(step: TreeStep): { id: ObjectId; kind: "blob" } | undefined {
  return step.kind === "file" || step.kind === "symlink" ? { id: step.id, kind: "blob" } : undefined;
}
