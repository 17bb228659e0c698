/**
 * Listings and answers that statements carry, as contents that people read at paths of their own.
 *
 * Claims: a listing is judged by the machinery of files: it has a digest, what was before it, readers and objections.
 * Its path is one that no file of its directory can be mistaken for, and that the globs match which match anything in
 * the directory. A change of a listing counts only where the listing before it is known and leads to the digest that
 * was signed. Leaves out who signed.
 */
import {
  type AnswerType,
  answerContent,
  listingContent,
  type NamedEntry,
} from "@firstmile/formats/statement/listing";
import { changedListing, type StatedNames } from "@firstmile/formats/statement/names";
import type { SignedReview } from "../statement/review-index.ts";
import type { Content } from "./approvals.ts";
import { pathIn, type SliceNames } from "./names.ts";

/** U+0001 is in the name of no file that anybody means to have; a file that has it has another mode. */
const LISTING = "\x01names";
const ANSWER = "\x01exists";

/** Where the listing of a directory is judged. */
export function listingPath(directory: string): string {
  return pathIn(directory, LISTING);
}

/** Where it is judged whether a name exists. */
export function answerPath(path: string): string {
  return pathIn(path, ANSWER);
}

/** Whether it is one of these paths, and none of a file. */
export function isJudgedPath(path: string): boolean {
  return path === LISTING || path.endsWith(`/${LISTING}`) || path.endsWith(`/${ANSWER}`);
}

export function judgedPath(names: SliceNames): string {
  return names.kind === "listing" ? listingPath(names.path) : answerPath(names.path);
}

/** A listing or an answer that a reader was shown, as a content. */
export interface NamesChange {
  readonly path: string;
  readonly before: Content | undefined;
  readonly after: Content;
}

/** Entries of a listing, by the SHA-256 of its text. */
export type EntriesOf = (sha256: string) => readonly NamedEntry[] | undefined;

/** What stated names say as changes of contents. Those that begin at a listing that is not known are left out. */
export function changesOfNames(names: readonly StatedNames[], entriesOf: EntriesOf): NamesChange[] {
  return names.flatMap((one): NamesChange[] => {
    if (one.kind === "answers") {
      return one.answers.map(({ name, type }) => {
        const path = pathIn(one.path, name);
        return whole(answerPath(path), answerContent(type, path));
      });
    }
    const path = listingPath(one.path);
    if (one.kind === "listing") return [whole(path, listingContent(one.entries))];
    const before = entriesOf(one.before);
    const after = before && changedListing(before, one);
    return after ? [{ path, before: listingContent(before), after: listingContent(after) }] : [];
  });
}

function whole(path: string, after: Content): NamesChange {
  return { path, before: undefined, after };
}

/** One listing of a directory that some statement gives. */
export interface KnownListing {
  readonly content: Content;
  readonly entries: readonly NamedEntry[];
}

/** The listings that statements give, by digest and by directory. */
export class KnownListings {
  readonly #bySha256 = new Map<string, readonly NamedEntry[]>();
  readonly #byDirectory = new Map<string, Map<string, KnownListing>>();

  constructor(stated: Iterable<StatedNames>) {
    const changes: (StatedNames & { readonly kind: "change" })[] = [];
    for (const one of stated) {
      if (one.kind === "listing") this.#enter(one.path, one.entries);
      else if (one.kind === "change") changes.push(one);
    }
    this.#follow(changes);
  }

  readonly entriesOf: EntriesOf = (sha256) => this.#bySha256.get(sha256);

  at(directory: string): KnownListing[] {
    return [...(this.#byDirectory.get(directory)?.values() ?? [])];
  }

  /** A chain of changes is as long as it is: each round follows those that begin at what the last one reached. */
  #follow(changes: readonly (StatedNames & { readonly kind: "change" })[]): void {
    const open = Map.groupBy(changes, ({ before }) => before);
    const reached = [...this.#bySha256.keys()];
    for (let from = reached.pop(); from !== undefined; from = reached.pop()) {
      const onward = open.get(from) ?? [];
      open.delete(from);
      for (const change of onward) {
        const after = changedListing(this.#bySha256.get(from)!, change);
        if (after && this.#enter(change.path, after)) reached.push(change.after);
      }
    }
  }

  /** Whether its text was new. */
  #enter(directory: string, entries: readonly NamedEntry[]): boolean {
    const content = listingContent(entries);
    const fresh = !this.#bySha256.has(content.sha256);
    if (fresh) this.#bySha256.set(content.sha256, entries);
    const here = this.#byDirectory.get(directory) ?? new Map<string, KnownListing>();
    this.#byDirectory.set(directory, here.set(content.sha256, { content, entries }));
    return fresh;
  }
}

/** Reviews of names alone, as reviews of contents. */
export function reviewsOfNames(reviews: readonly SignedReview[], entriesOf: EntriesOf): SignedReview[] {
  return reviews.flatMap(({ review, ...said }) => {
    if (review.names === undefined) return [];
    const changes = changesOfNames(review.names, entriesOf);
    return changes.length === 0 ? [] : [{ review: { ...review, names: undefined, changes }, ...said }];
  });
}

/** Every type that an answer may give. */
export const ANSWERS: readonly AnswerType[] = ["f", "d", "l", "s", "-"];
