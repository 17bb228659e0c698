/**
 * What a checker found out about a chunk of commits, as bytes that can change threads. One record a commit: three
 * numbers of 32 bits (outcome, people, parents), then its id, its tree and its parents in bytes. Outcomes and lists of
 * people are numbered by each checker as they first occur, and sent once, with the batch that first names them.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CommitFacts, CorruptCommit } from "@firstmile/trust/history/facts";
import { Interned } from "@firstmile/trust/history/interned";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { SignatureOutcome } from "@firstmile/trust/signature/outcome";

export interface Batch {
  /** Commits asked for, with those that are corrupt or missing. */
  readonly count: number;
  readonly width: number;
  readonly records: Uint8Array<ArrayBuffer>;
  /** Values that this checker's earlier batches did not name. */
  readonly outcomes: readonly SignatureOutcome[];
  readonly people: readonly (readonly PrincipalName[])[];
  readonly corrupt: readonly CorruptCommit[];
  readonly missing: readonly CommitId[];
}

const HEAD = 12;
export const MOST_REASONS = 20_000;

/** The checker's side: collects one batch after the other. */
export class BatchWriter {
  readonly outcomes = new Interned<SignatureOutcome>();
  readonly people = new Interned<readonly PrincipalName[]>();
  private sentOutcomes = 0;
  private sentPeople = 0;

  /**
   * The number of an outcome. Whoever signs each of a million commits with another key must not get a million reasons
   * kept: beyond `MOST_REASONS` a refusal is told by its code alone. What may still count is never cut short.
   */
  outcome(outcome: SignatureOutcome): number {
    const { outcomes } = this;
    if (outcome.valid || outcome.lapsed || outcomes.size < MOST_REASONS || outcomes.has(outcome))
      return outcomes.index(outcome);
    return outcomes.index({
      valid: false,
      code: outcome.code,
      message: "is refused, as too many others are",
    });
  }

  batch(width: number): OpenBatch {
    return new OpenBatch(this, width);
  }

  /** What no batch was sent with so far. Batches must be sent in the order in which this was called for them. */
  news(): Pick<Batch, "outcomes" | "people"> {
    const news = {
      outcomes: this.outcomes.since(this.sentOutcomes),
      people: this.people.since(this.sentPeople),
    };
    this.sentOutcomes = this.outcomes.size;
    this.sentPeople = this.people.size;
    return news;
  }
}

/** One batch in the making. */
class OpenBatch {
  private readonly corrupt: CorruptCommit[] = [];
  private readonly missing: CommitId[] = [];
  private readonly writer: BatchWriter;
  private readonly width: number;
  private buffer = Buffer.from(new ArrayBuffer(16_384));
  private at = 0;
  private count = 0;

  constructor(writer: BatchWriter, width: number) {
    this.writer = writer;
    this.width = width;
  }

  add(commit: CommitFacts | CorruptCommit): void {
    this.count++;
    if ("corrupt" in commit) this.corrupt.push(commit);
    else this.record(commit);
  }

  addMissing(id: CommitId): void {
    this.count++;
    this.missing.push(id);
  }

  close(): Batch {
    return {
      count: this.count,
      width: this.width,
      records: new Uint8Array(this.buffer.buffer, 0, this.at),
      ...this.writer.news(),
      corrupt: this.corrupt,
      missing: this.missing,
    };
  }

  private record({ id, tree, parents, signature, wrote }: CommitFacts): void {
    this.makeRoom(HEAD + (2 + parents.length) * this.width);
    const { buffer } = this;
    let at = buffer.writeUInt32LE(this.writer.outcome(signature), this.at);
    at = buffer.writeUInt32LE(this.writer.people.index(wrote), at);
    at = buffer.writeUInt32LE(parents.length, at);
    at += buffer.write(id, at, "hex");
    at += buffer.write(tree, at, "hex");
    for (const parent of parents) at += buffer.write(parent, at, "hex");
    this.at = at;
  }

  private makeRoom(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.from(new ArrayBuffer(2 * (this.buffer.length + bytes)));
    this.buffer.copy(larger);
    this.buffer = larger;
  }
}

/**
 * The other side, one for each checker as long as that lives: knows the values that it sent, and puts its batches
 * into tables, in any order after it learned from them.
 */
export class BatchReader {
  private readonly outcomes: SignatureOutcome[] = [];
  private readonly people: (readonly PrincipalName[])[] = [];
  private numbers: Numbers | undefined;

  /** Takes in the values that a batch names first: batch after batch, as the checker sent them. */
  learn({ outcomes, people }: Batch): void {
    for (const outcome of outcomes) this.outcomes.push(outcome);
    for (const names of people) this.people.push(names);
  }

  take({ records, width }: Batch, table: CommitTable): void {
    const view = new DataView(records.buffer, records.byteOffset, records.length);
    const numbers = this.numbersIn(table);
    for (let at = 0; at < records.length; ) {
      const found = {
        outcome: numbers.outcomes[view.getUint32(at, true)]!,
        people: numbers.people[view.getUint32(at + 4, true)]!,
      };
      const parents = view.getUint32(at + 8, true);
      table.addBytes(records, at + HEAD, width, parents, found);
      at += HEAD + (2 + parents) * width;
    }
  }

  /** The table's numbers by the checker's. */
  private numbersIn(table: CommitTable): Numbers {
    if (this.numbers?.table !== table) this.numbers = { table, outcomes: [], people: [] };
    const { outcomes, people } = this.numbers;
    while (outcomes.length < this.outcomes.length) {
      outcomes.push(table.outcomes.index(this.outcomes[outcomes.length]!));
    }
    while (people.length < this.people.length) {
      people.push(table.people.index(this.people[people.length]!));
    }
    return this.numbers;
  }
}

interface Numbers {
  readonly table: CommitTable;
  readonly outcomes: number[];
  readonly people: number[];
}
