/**
 * Objects that some things name, in the order of these things, read ahead so that `git cat-file` never waits.
 *
 * Claims: every byte handed on hashes to the id that was asked for. Against: an object database that answers with
 * other bytes, or with an object of another kind.
 */
import { hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
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

export interface Wanted {
  readonly id: ObjectId;
  readonly kind: "tree" | "blob";
}

/** What a thing needs to have read; undefined: nothing, it only keeps its place. */
export type Want<T> = (item: T) => Wanted | undefined;

/** Objects asked for at once; as many again wait behind them. */
const BATCH = 512;
const NOTHING = Buffer.alloc(0);

/**
 * Hands over each thing with its content, as they come. For thousands of small objects this takes half as long as
 * `inOrder`; but nobody can wait in `take`. Rejects with what `take` throws, or `GitTreeError`.
 */
export async function eachInOrder<T>(
  objects: GitObjects,
  items: Iterable<T>,
  want: Want<T>,
  take: (item: T, content: Buffer) => void,
): Promise<void> {
  const delivery = new Delivery(items, want, take);
  const ask = () => {
    const batch = delivery.next();
    const answered = objects.each(batch.ids, (object) => delivery.give(object));
    // Of two batches that fail, the first one tells.
    answered.catch(() => {});
    return { ...batch, answered };
  };
  for (let batch = ask(); ; ) {
    const next = batch.last ? undefined : ask();
    await batch.answered;
    if (!next) break;
    batch = next;
  }
  delivery.end();
}

/** Puts answers, which come in the order asked, to the things that they were asked for. */
class Delivery<T> {
  readonly #items: Iterator<T>;
  readonly #want: Want<T>;
  readonly #take: (item: T, content: Buffer) => void;
  /** Things whose turn is to come, and what they want. */
  #due: { readonly item: T; readonly wanted: Wanted | undefined }[] = [];
  #turn = 0;
  /** Kept until the batch is answered: thrown at the reader of the pipe, it would end that for everybody else. */
  #failure: { readonly error: unknown } | undefined;

  constructor(items: Iterable<T>, want: Want<T>, take: (item: T, content: Buffer) => void) {
    this.#items = items[Symbol.iterator]();
    this.#want = want;
    this.#take = take;
  }

  /** The ids of the next objects, whatever lies between them. */
  next(): { readonly ids: readonly ObjectId[]; readonly last: boolean } {
    if (this.#failure) throw this.#failure.error;
    this.#due = this.#due.slice(this.#turn);
    this.#turn = 0;
    const ids: ObjectId[] = [];
    while (ids.length < BATCH) {
      const { done, value: item } = this.#items.next();
      if (done) return { ids, last: true };
      const wanted = this.#want(item);
      if (wanted) ids.push(wanted.id);
      this.#due.push({ item, wanted });
    }
    return { ids, last: false };
  }

  give(object: GitObject | OversizedObject | undefined): void {
    if (this.#failure) return;
    try {
      this.#passBy();
      const { item, wanted } = this.#due[this.#turn++]!;
      this.#take(item, verified(wanted!, object));
    } catch (error) {
      this.#failure = { error };
    }
  }

  /** All is answered: what is left wants nothing. */
  end(): void {
    if (this.#failure) throw this.#failure.error;
    this.#passBy();
  }

  /** Takes what wants nothing and stands before the next one that does. */
  #passBy(): void {
    for (let due = this.#due[this.#turn]; due && !due.wanted; due = this.#due[++this.#turn])
      this.#take(due.item, NOTHING);
  }
}

/** What a batch should hold in bytes where its reader is waited for; the first one may hold more. */
const AHEAD_BYTES = 8 << 20;
const FIRST_BATCH = 64;

/**
 * As `eachInOrder`, for whoever has to wait between one and the next. As many are read ahead as fit into some megabytes,
 * going by those before.
 */
export async function* inOrder<T>(
  objects: GitObjects,
  items: Iterable<T>,
  want: Want<T>,
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
  private readonly want: Want<T>;
  private size = FIRST_BATCH;

  constructor(objects: GitObjects, items: Iterable<T>, want: Want<T>) {
    this.objects = objects;
    this.items = items[Symbol.iterator]();
    this.want = want;
  }

  async *[Symbol.asyncIterator]() {
    for (let batch = this.ask(); batch.length > 0; ) {
      const next = this.ask();
      let bytes = 0;
      for (const { item, wanted, answer } of batch) {
        const content = wanted && answer ? verified(wanted, await answer) : NOTHING;
        bytes += content.length;
        yield { item, id: wanted?.id ?? ("" as ObjectId), content };
      }
      this.size = Math.max(1, Math.min(BATCH, bytes > AHEAD_BYTES ? this.size >> 1 : this.size << 1));
      batch = next;
    }
  }

  private ask(): Asked<T>[] {
    const batch: Asked<T>[] = [];
    while (batch.length < this.size) {
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

function verified({ id, kind }: Wanted, object: GitObject | OversizedObject | undefined): Buffer {
  if (!object) throw new GitTreeError("missing-object", `${kind} ${id} is not in the repository`);
  if ("oversized" in object)
    throw new GitTreeError("corrupt-object", `${id} has ${object.oversized} bytes, over the limit`);
  if (object.type !== kind)
    throw new GitTreeError("corrupt-object", `${id} is a ${object.type}, not a ${kind}`);
  if (hashObject(kind, object.content, objectHashOf(id)) !== id)
    throw new GitTreeError("corrupt-object", `${id}: its content does not hash to its id`);
  return object.content;
}
