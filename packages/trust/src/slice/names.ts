/**
 * What an evaluation was told of names: the listings of directories, and whether single names exist.
 *
 * Claims: what is in here is all that the names of a tree told the evaluation. Left out is what the rest implies: a
 * name that leads to something that was opened, listed or looked up itself, and a name in a directory that was listed.
 */

import type { ObjectId } from "@firstmile/formats/git/object-id";
import {
  type AnswerType,
  answerContent,
  type EntryType,
  listingContent,
  type NamedEntry,
  type NamesContent,
} from "@firstmile/formats/statement/listing";

/** A directory with every name in it, as the evaluation was told. */
export interface SliceListing {
  readonly kind: "listing";
  /** Latin-1; "" for the root. */
  readonly path: string;
  /** Sorted by the bytes of the names. */
  readonly entries: readonly NamedEntry[];
}

/** Whether one name exists, and as what. */
export interface SliceAnswer {
  readonly kind: "answer";
  /** Latin-1, of the name that was asked for. */
  readonly path: string;
  readonly type: AnswerType;
  /** What the tree has there; undefined where it has nothing, and for a directory. */
  readonly version: { readonly id: ObjectId; readonly mode: number } | undefined;
}

export type SliceNames = SliceListing | SliceAnswer;

/** The content that it is judged as. */
export function contentOfNames(names: SliceNames): NamesContent {
  return names.kind === "listing" ? listingContent(names.entries) : answerContent(names.type, names.path);
}

export function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function pathIn(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Listings before answers, each in the order of paths. */
export function inOrderOfPaths(a: SliceNames, b: SliceNames): number {
  if (a.kind !== b.kind) return a.kind === "listing" ? -1 : 1;
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** The type of an entry of a listing; undefined where it has none of this name. */
export function typeIn(entries: readonly NamedEntry[], name: string): EntryType | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle]!;
    if (entry.name === name) return entry.type;
    if (entry.name < name) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
