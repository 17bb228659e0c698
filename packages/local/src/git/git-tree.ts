/**
 * The directories of a Git tree, and its files in the order of its NAR.
 *
 * Claims: every directory hashes to the id that names it in the one above, up to the root's id. Against: trees made to
 * be expensive: one directory listed in itself ten times over, ten levels deep, is some kilobytes in Git and more files
 * than any disk holds. Leaves out what files hold: in-order.ts reads that.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree, type TreeEntry } from "@firstmile/formats/git/tree";
import { compareNarNames } from "@firstmile/formats/nix/nar";
import { eachInOrder, GitTreeError } from "./in-order.ts";
import type { GitObjects } from "./objects.ts";

export { GitTreeError };

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
      await eachInOrder(objects, level, treeNamed, (tree, content) => {
        const entries = entriesOf(tree, content);
        directories.set(tree, entries);
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

function treeNamed(id: ObjectId) {
  return { id, kind: "tree" as const };
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

/** What has to be read for a step: files and links have content. */
export function blobOf(step: TreeStep): { id: ObjectId; kind: "blob" } | undefined {
  return step.kind === "file" || step.kind === "symlink" ? { id: step.id, kind: "blob" } : undefined;
}
