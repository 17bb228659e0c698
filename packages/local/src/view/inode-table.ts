/**
 * Everything in a view as rows of numbers: one for each path, in arrays that hold no object for a file. Row 1 is the
 * mount's root, whose entries `00`, `01`, … are the trees; the entries of a directory are neighbours, by name.
 */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { type GitTree, GitTreeError } from "../git/git-tree.ts";

const DIRECTORY = 0o40000;
const SUBMODULE = 0o160000;
export const SYMLINK = 0o120000;
export const ROOT = 1;
/** Trees in one view. */
export const MAX_TREES = 64;
const MAX_NODES = 4_000_000;

export class InodeTable {
  /** Rows in use, row 0 with them, which is none. */
  readonly length: number;
  private readonly trees: number;
  /** Where the rows of each tree end, its root's aside. */
  private readonly treeEnds: readonly number[];
  private readonly parents: Uint32Array;
  private readonly modes: Uint32Array;
  /** First entry of a directory, and how many there are. */
  private readonly first: Uint32Array;
  private readonly counts: Uint32Array;
  /** Where names end in `names`; each begins where the one before it ends. */
  private readonly ends: Uint32Array;
  private readonly names: Buffer;
  private readonly ids: Buffer;
  private readonly idBytes: Uint8Array;
  private readonly sizes: Float64Array;

  constructor(trees: readonly GitTree[]) {
    const rows = new Rows(trees);
    this.trees = trees.length;
    this.treeEnds = rows.treeEnds;
    this.length = rows.modes.length;
    this.parents = Uint32Array.from(rows.parents);
    this.modes = Uint32Array.from(rows.modes);
    this.first = Uint32Array.from(rows.first);
    this.counts = Uint32Array.from(rows.counts);
    this.names = Buffer.concat(rows.names);
    let end = 0;
    this.ends = Uint32Array.from(rows.names, (name) => (end += name.length));
    this.idBytes = Uint8Array.from(rows.ids, (id) => id.length / 2);
    this.ids = Buffer.alloc(this.length * 32);
    for (const [node, id] of rows.ids.entries()) this.ids.write(id, node * 32, "hex");
    this.sizes = new Float64Array(this.length);
  }

  has(node: number): boolean {
    return node >= ROOT && node < this.length;
  }

  /** As Git has it; a submodule is a directory without entries. */
  mode(node: number): number {
    return this.modes[node]!;
  }

  isDirectory(node: number): boolean {
    return this.modes[node] === DIRECTORY || this.modes[node] === SUBMODULE;
  }

  isFile(node: number): boolean {
    return this.modes[node]! >> 12 === 0o10;
  }

  /** Whether it has a blob. */
  hasContent(node: number): boolean {
    return this.isFile(node) || this.modes[node] === SYMLINK;
  }

  id(node: number): ObjectId {
    return this.ids.toString("hex", node * 32, node * 32 + this.idBytes[node]!) as ObjectId;
  }

  size(node: number): number {
    return this.sizes[node]!;
  }

  setSize(node: number, size: number): void {
    this.sizes[node] = size;
  }

  name(node: number): Buffer {
    return this.names.subarray(this.ends[node - 1], this.ends[node]);
  }

  parent(node: number): number {
    return this.parents[node]!;
  }

  entries(directory: number): { readonly first: number; readonly count: number } {
    return { first: this.first[directory]!, count: this.counts[directory]! };
  }

  /** The entry of that name, or 0. */
  lookup(directory: number, name: Buffer): number {
    let low = this.first[directory]!;
    let high = low + this.counts[directory]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.names.compare(name, 0, name.length, this.ends[middle - 1], this.ends[middle]);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return 0;
  }

  /** The rows of everything below the root of a tree. */
  rowsOf(tree: number): { readonly first: number; readonly end: number } {
    return { first: this.treeEnds[tree - 1] ?? ROOT + 1 + this.trees, end: this.treeEnds[tree]! };
  }

  /** Which tree it is in, counted from 0, and where, as a Latin-1 string; undefined for the mount's root. */
  place(node: number): { readonly tree: number; readonly path: string } | undefined {
    const names: string[] = [];
    let at = node;
    for (; at > ROOT + this.trees; at = this.parents[at]!) names.push(this.name(at).toString("latin1"));
    return at === ROOT ? undefined : { tree: at - ROOT - 1, path: names.reverse().join("/") };
  }
}

/** Rows while their number is not known yet. */
class Rows {
  readonly parents: number[] = [0, ROOT];
  readonly modes: number[] = [0, DIRECTORY];
  readonly first: number[] = [0, ROOT + 1];
  readonly counts: number[] = [0];
  readonly names: Uint8Array[] = [NOTHING, NOTHING];
  readonly ids: string[] = ["", ""];
  readonly treeEnds: number[] = [];

  constructor(trees: readonly GitTree[]) {
    this.counts.push(trees.length);
    trees.forEach(({ root }, place) => {
      this.add(ROOT, DIRECTORY, Buffer.from(String(place).padStart(2, "0")), root);
    });
    // Those added on the way are reached too: directories lie behind the one that has them.
    let end = this.modes.length;
    trees.forEach((tree, place) => {
      this.fill(tree, ROOT + 1 + place);
      for (let node = end; node < this.modes.length; node++) this.fill(tree, node);
      end = this.modes.length;
      this.treeEnds.push(end);
    });
  }

  private fill(tree: GitTree, node: number): void {
    if (this.modes[node] !== DIRECTORY) return;
    this.first[node] = this.modes.length;
    for (const { mode, name, id } of tree.entriesOf(this.ids[node] as ObjectId)) {
      this.add(node, mode, name, id);
      this.counts[node]!++;
    }
  }

  private add(parent: number, mode: number, name: Uint8Array, id: string): void {
    if (this.modes.length > MAX_NODES)
      throw new GitTreeError("corrupt-object", "the trees have too many files");
    this.parents.push(parent);
    this.modes.push(mode);
    this.names.push(name);
    this.ids.push(id);
    this.first.push(0);
    this.counts.push(0);
  }
}

const NOTHING = Buffer.alloc(0);
