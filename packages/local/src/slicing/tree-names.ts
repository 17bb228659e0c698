/** The names of a Git tree, directory by directory. */
import { latin1 } from "@firstmile/formats/bytes/text";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { type EntryType, entryType, type NamedEntry } from "@firstmile/formats/statement/listing";
import type { FileVersion } from "@firstmile/formats/statement/review";
import { pathIn, type SliceListing } from "@firstmile/trust/slice/names";
import type { GitTree } from "../git/git-tree.ts";

/** An entry of a directory. Paths in Latin-1. */
export interface TreeName {
  readonly path: string;
  readonly type: EntryType;
  /** Undefined of a directory. */
  readonly version: FileVersion | undefined;
}

interface Directory {
  readonly entries: readonly NamedEntry[];
  readonly names: ReadonlyMap<string, TreeName & { readonly id: ObjectId }>;
}

/** Each directory is read when it is first asked for. */
export class TreeNames {
  readonly #tree: GitTree;
  readonly #read = new Map<string, Directory | undefined>();

  constructor(tree: GitTree) {
    this.#tree = tree;
  }

  /** Sorted by the bytes of the names; undefined where there is no directory. A submodule is an empty one. */
  listing(path: string): readonly NamedEntry[] | undefined {
    return this.#directory(path)?.entries;
  }

  /** What is in a directory; none where there is none. */
  namesIn(path: string): TreeName[] {
    return [...(this.#directory(path)?.names.values() ?? [])];
  }

  entry(path: string): TreeName | undefined {
    const slash = path.lastIndexOf("/");
    return this.#directory(path.slice(0, Math.max(slash, 0)))?.names.get(path.slice(slash + 1));
  }

  /** Every directory, each before what is in it. */
  listings(): SliceListing[] {
    const below = (path: string): SliceListing[] => [
      { kind: "listing", path, entries: this.listing(path)! },
      ...this.namesIn(path).flatMap((one) => (one.type === "d" || one.type === "s" ? below(one.path) : [])),
    ];
    return below("");
  }

  /** Everything in it, directories included. */
  all(): TreeName[] {
    return this.listings().flatMap(({ path }) => this.namesIn(path));
  }

  #directory(path: string): Directory | undefined {
    if (!this.#read.has(path)) this.#read.set(path, this.#open(path));
    return this.#read.get(path);
  }

  #open(path: string): Directory | undefined {
    if (path === "") return this.#entriesOf("", this.#tree.root);
    const slash = path.lastIndexOf("/");
    const parent = this.#directory(path.slice(0, Math.max(slash, 0)));
    const own = parent?.names.get(path.slice(slash + 1));
    if (own?.type === "s") return { entries: [], names: new Map() };
    return own?.type === "d" ? this.#entriesOf(path, own.id) : undefined;
  }

  #entriesOf(directory: string, id: ObjectId): Directory {
    const names = new Map<string, TreeName & { readonly id: ObjectId }>();
    for (const { name, mode, id: own } of this.#tree.entriesOf(id)) {
      const [text, type] = [latin1(name), entryType(mode)];
      const version = type === "d" ? undefined : { id: own, mode };
      names.set(text, { path: pathIn(directory, text), type, version, id: own });
    }
    return { entries: [...names].map(([name, { type }]) => ({ type, name })), names };
  }
}
