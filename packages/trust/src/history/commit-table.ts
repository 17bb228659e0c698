/**
 * A million commits in about a hundred bytes each: what `CommitFacts` says, in columns instead of objects. Reads as a
 * map from ids to facts, which are made when asked for; loops over whole histories go by row numbers.
 *
 * Claim: it gives back what was put in, and walks children before their parents. What lies on a circle, which only
 * planted bytes make, comes last; no walk here recurses, however deep the history.
 *
 * Equal signature outcomes of all commits are one object, so that what follows from one is worked out once.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { CommitFacts } from "./facts.ts";
import { IdIndex } from "./id-index.ts";
import { Interned } from "./interned.ts";

export class CommitTable implements ReadonlyMap<CommitId, CommitFacts> {
  /** Signature outcomes and lists of people, each value once. */
  readonly outcomes = new Interned<SignatureOutcome>();
  readonly people = new Interned<readonly PrincipalName[]>();
  readonly #ids = new IdIndex();
  #trees = Buffer.alloc(0);
  #columns = new Columns(0);
  #parents = new Uint32Array(0);
  #parentsEnd = 0;
  #commits = 0;
  #order: Uint32Array | undefined;

  /** How many commits it has facts of. */
  get size(): number {
    return this.#commits;
  }

  /** How many rows there are: commits with facts, and ids that these name as parents. */
  get rows(): number {
    return this.#ids.size;
  }

  /** Puts a commit in; the first facts of an id stay. Ids are all of one length. */
  add({ id, tree, parents, signature, wrote }: CommitFacts): void {
    const ids = Buffer.from([id, tree, ...parents].join(""), "hex");
    this.addBytes(ids, 0, id.length / 2, parents.length, {
      outcome: this.outcomes.index(signature),
      people: this.people.index(wrote),
    });
  }

  /** As `add`, from the id, the tree and the parents one behind the other in bytes, `width` each. */
  addBytes(
    bytes: Uint8Array,
    at: number,
    width: number,
    parents: number,
    found: { readonly outcome: number; readonly people: number },
  ): void {
    if (at + (2 + parents) * width > bytes.length) throw new RangeError("a commit's record is cut short");
    const row = this.#ids.internBytes(bytes, at, width);
    this.#makeRoom(parents);
    if (this.holds(row)) return;
    for (let i = 0; i < width; i++) this.#trees[row * width + i] = bytes[at + width + i]!;
    const start = this.#parentsEnd;
    for (let i = 0; i < parents; i++) {
      this.#parents[start + i] = this.#ids.internBytes(bytes, at + (2 + i) * width, width);
    }
    this.#parentsEnd += parents;
    this.#makeRoom(0);
    this.#columns.set(row, start, parents, found.outcome, found.people);
    this.#commits++;
    this.#order = undefined;
  }

  /** The row of an id, with facts or only named as a parent; -1 where it is neither. */
  row(id: string): number {
    return this.#ids.find(id);
  }

  /** Whether there are facts of a row. */
  holds(row: number): boolean {
    return this.#columns.outcome[row]! > 0;
  }

  idAt(row: number): CommitId {
    return this.#ids.at(row);
  }

  /** A row's id as bytes, not to be changed and good until the next commit is put in. */
  idBytesAt(row: number): Uint8Array {
    return this.#ids.bytesAt(row);
  }

  treeAt(row: number): ObjectId {
    const { width } = this.#ids;
    return this.#trees.toString("hex", row * width, (row + 1) * width) as ObjectId;
  }

  parentCount(row: number): number {
    return this.#columns.parents[row]!;
  }

  /** The row of a commit's parent, counted from 0. */
  parentRow(row: number, which: number): number {
    return this.#parents[this.#columns.start[row]! + which]!;
  }

  /** Rows of all parents: a view that the next commit put in makes stale. */
  parentRows(row: number): Uint32Array {
    const start = this.#columns.start[row]!;
    return this.#parents.subarray(start, start + this.#columns.parents[row]!);
  }

  outcomeAt(row: number): SignatureOutcome {
    return this.outcomes.at(this.#columns.outcome[row]! - 1);
  }

  wroteAt(row: number): readonly PrincipalName[] {
    return this.people.at(this.#columns.people[row]!);
  }

  factsAt(row: number): CommitFacts {
    return {
      id: this.idAt(row),
      tree: this.treeAt(row),
      parents: Array.from(this.parentRows(row), (parent) => this.idAt(parent)),
      signature: this.outcomeAt(row),
      wrote: this.wroteAt(row),
    };
  }

  /** Rows of all commits with facts, children before their parents. */
  childrenFirst(): Uint32Array {
    this.#order ??= childrenFirst(this);
    return this.#order;
  }

  /** Where each commit stands in `childrenFirst`, as `mergeBases` asks for it. */
  positions(): { get(id: CommitId): number | undefined } {
    const places = new Uint32Array(this.rows);
    this.childrenFirst().forEach((row, place) => {
      places[row] = place;
    });
    return { get: (id) => (this.has(id) ? places[this.row(id)] : undefined) };
  }

  has(id: CommitId): boolean {
    const row = this.row(id);
    return row >= 0 && this.holds(row);
  }

  get(id: CommitId): CommitFacts | undefined {
    const row = this.row(id);
    return row >= 0 && this.holds(row) ? this.factsAt(row) : undefined;
  }

  *keys(): MapIterator<CommitId> {
    for (const row of this.childrenFirst()) yield this.idAt(row);
  }

  *values(): MapIterator<CommitFacts> {
    for (const row of this.childrenFirst()) yield this.factsAt(row);
  }

  *entries(): MapIterator<[CommitId, CommitFacts]> {
    for (const facts of this.values()) yield [facts.id, facts];
  }

  [Symbol.iterator](): MapIterator<[CommitId, CommitFacts]> {
    return this.entries();
  }

  forEach(visit: (facts: CommitFacts, id: CommitId, table: CommitTable) => void): void {
    for (const facts of this.values()) visit(facts, facts.id, this);
  }

  #makeRoom(parents: number): void {
    const rows = this.#ids.size;
    if (rows > this.#columns.start.length) {
      const room = Math.max(256, rows + (rows >> 1));
      this.#columns = this.#columns.grown(room);
      const trees = Buffer.alloc(room * this.#ids.width);
      this.#trees.copy(trees);
      this.#trees = trees;
    }
    const needed = this.#parentsEnd + parents;
    if (needed > this.#parents.length) this.#parents = grown(this.#parents, needed + (needed >> 1) + 256);
  }
}

/** Numbers of each row; an outcome of 0 is a row without facts. */
class Columns {
  readonly start: Uint32Array;
  readonly parents: Uint32Array;
  readonly outcome: Uint32Array;
  readonly people: Uint32Array;

  constructor(rows: number, before?: Columns) {
    const column = (old: Uint32Array | undefined) => grown(old ?? new Uint32Array(0), rows);
    this.start = column(before?.start);
    this.parents = column(before?.parents);
    this.outcome = column(before?.outcome);
    this.people = column(before?.people);
  }

  grown(rows: number): Columns {
    return new Columns(rows, this);
  }

  set(row: number, start: number, parents: number, outcome: number, people: number): void {
    this.start[row] = start;
    this.parents[row] = parents;
    this.outcome[row] = outcome + 1;
    this.people[row] = people;
  }
}

function grown(column: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(length);
  longer.set(column);
  return longer;
}

/** Kahn's algorithm, the newest of what is ready first, as `git rev-list --topo-order`. */
function childrenFirst(table: CommitTable): Uint32Array {
  const waiting = childCounts(table);
  const order = new Uint32Array(table.size);
  // Each row is ready once, so this stack is never longer than there are rows.
  const ready = new Uint32Array(table.size);
  let depth = 0;
  let length = 0;
  for (let row = table.rows - 1; row >= 0; row--) {
    if (table.holds(row) && waiting[row] === 0) ready[depth++] = row;
  }
  while (depth > 0) {
    const row = ready[--depth]!;
    order[length++] = row;
    for (let i = 0; i < table.parentCount(row); i++) {
      const parent = table.parentRow(row, i);
      if (--waiting[parent]! === 0 && table.holds(parent)) ready[depth++] = parent;
    }
  }
  for (let row = 0; length < order.length; row++) {
    if (table.holds(row) && waiting[row]! > 0) order[length++] = row;
  }
  return order;
}

function childCounts(table: CommitTable): Uint32Array {
  const counts = new Uint32Array(table.rows);
  for (let row = 0; row < table.rows; row++) {
    const parents = table.holds(row) ? table.parentCount(row) : 0;
    for (let i = 0; i < parents; i++) counts[table.parentRow(row, i)]!++;
  }
  return counts;
}
