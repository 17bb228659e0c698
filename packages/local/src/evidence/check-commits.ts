/**
 * Signatures of many commits on all cores, into one table. This thread and its helpers each read from a Git child of
 * their own and take the next chunk when they are done with one; few commits are checked right here, since a thread
 * takes longer to start than some hundred signatures take to check.
 *
 * Claim: a table of the same rows in the same order, however many threads there are and whichever is faster. Ids and
 * results go between threads as bytes, which change hands without a copy.
 */
import { availableParallelism } from "node:os";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { CommitTable } from "@firstmile/trust/history/commit-table";
import type { CorruptCommit } from "@firstmile/trust/history/facts";
import type { Policy } from "@firstmile/trust/policy/policy";
import type { IdListing } from "../git/rev-list.ts";
import { Chunks, listingOf } from "./check-commits-chunks.ts";
import { localChecker } from "./check-commits-local.ts";
import { type Batch, BatchReader } from "./check-commits-records.ts";
import { threadChecker } from "./check-commits-remote.ts";

/** What a checker needs to know. Structured-cloneable. */
export interface CommitJob {
  /** Environment of the Git child: see `neutralGit`. */
  readonly env: NodeJS.ProcessEnv;
  /** Whose keys count; undefined: signatures are not checked. */
  readonly policy: Pick<Policy, "principals"> | undefined;
  /** Unix seconds that decide the life of keys. */
  readonly now: number;
  /** Whether to look for the principals who wrote each commit: `CommitFacts.wrote`. */
  readonly people?: boolean;
}

/** What became of the commits that were asked for; what is in neither of the last two is in the table. */
export interface CheckedCommits {
  readonly table: CommitTable;
  /** Why a commit's bytes cannot be used. */
  readonly corrupt: ReadonlyMap<CommitId, string>;
  /** Ids of which the repository has no commit. */
  readonly missing: ReadonlySet<CommitId>;
  /** Commits, also of the table, whose SHA-1 was made to be another object's too, and how that is told. */
  readonly attacks: ReadonlyMap<CommitId, string>;
}

/** Told how many commits are checked and how many are known of so far. */
export type Progress = (done: number, listed: number) => void;

export interface Checker {
  /** Checks a chunk of ids, `width` bytes each. */
  check(ids: Uint8Array, width: number): Promise<Batch>;
  /** Commits among all those checked that are part of a collision attack. */
  finish(): Promise<readonly CorruptCommit[]>;
  close(): Promise<unknown>;
}

/**
 * Chunks that a checker has at once, so that it reads one while it checks another. A thread gets more: this one hands
 * out nothing while it checks what it read for itself.
 */
const IN_FLIGHT = { here: 2, thread: 5 };
/** Below this many, threads cost more than they bring. */
const WORTH_THREADS = 1500;

/** Checks them all. */
export async function checkCommits(
  job: CommitJob,
  ids: IdListing | readonly CommitId[],
  progress?: Progress,
): Promise<CheckedCommits> {
  await using checkers = new CommitCheckers(job);
  return await checkers.check(ids, progress);
}

/** This thread and, where there is enough to do, one for each further core. */
export class CommitCheckers implements AsyncDisposable {
  private readonly job: CommitJob;
  private readonly local: Party;
  private threads: Party[] = [];

  constructor(job: CommitJob) {
    this.job = job;
    this.local = new Party(localChecker(job), IN_FLIGHT.here);
  }

  /** Starts the threads now, while this one still finds out what there is to check. */
  expectMany(): void {
    if (this.threads.length > 0) return;
    const more = availableParallelism() - 1;
    this.threads = Array.from({ length: more }, () => new Party(threadChecker(this.job), IN_FLIGHT.thread));
  }

  /** Checks each id of a listing; one that is listed twice counts once. Rejects where Git cannot be asked. */
  async check(ids: IdListing | readonly CommitId[], progress: Progress = () => {}): Promise<CheckedCommits> {
    const chunks = new Chunks("pieces" in ids ? ids : listingOf(ids));
    const run = new CheckRun(progress);
    const started = [this.local, ...this.threads].map((party) => party.work(chunks, run));
    if (this.threads.length === 0) started.push(this.joinIfMany(chunks, run));
    await Promise.all(started);
    const parties = [this.local, ...this.threads];
    const attacks = (await Promise.all(parties.map(({ checker }) => checker.finish()))).flat();
    return { ...run.result, attacks: new Map(attacks.map(({ id, corrupt }) => [id, corrupt])) };
  }

  /** A listing that turns out long gets its threads then. */
  private async joinIfMany(chunks: Chunks, run: CheckRun): Promise<void> {
    if (!(await chunks.reach(WORTH_THREADS))) return;
    this.expectMany();
    await Promise.all(this.threads.map((thread) => thread.work(chunks, run)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.local, ...this.threads].map(({ checker }) => checker.close()));
  }
}

/** A checker and what was learned from it. */
class Party {
  readonly checker: Checker;
  private readonly reader = new BatchReader();
  private readonly inFlight: number;

  constructor(checker: Checker, inFlight: number) {
    this.checker = checker;
    this.inFlight = inFlight;
  }

  /** Has it take chunks until there are no more. */
  async work(chunks: Chunks, run: CheckRun): Promise<void> {
    const lane = async () => {
      for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) {
        const batch = await this.checker.check(chunk.ids, chunk.width);
        this.reader.learn(batch);
        run.put(chunk.place, batch, this.reader, chunks.listed);
      }
    };
    await Promise.all(Array.from({ length: this.inFlight }, lane));
  }
}

/** Puts the batches of all checkers into one table, in the order of the listing. */
class CheckRun {
  private readonly table = new CommitTable();
  private readonly corrupt = new Map<CommitId, string>();
  private readonly missing = new Set<CommitId>();
  /** Batches that came before others that are listed in front of them. */
  private readonly early = new Map<number, () => void>();
  private readonly progress: Progress;
  private due = 0;
  private done = 0;

  constructor(progress: Progress) {
    this.progress = progress;
  }

  get result(): Omit<CheckedCommits, "attacks"> {
    return { table: this.table, corrupt: this.corrupt, missing: this.missing };
  }

  put(place: number, batch: Batch, reader: BatchReader, listed: number): void {
    this.early.set(place, () => this.take(batch, reader));
    for (let take = this.early.get(this.due); take; take = this.early.get(this.due)) {
      this.early.delete(this.due++);
      take();
    }
    this.done += batch.count;
    this.progress(this.done, listed);
  }

  private take(batch: Batch, reader: BatchReader): void {
    reader.take(batch, this.table);
    for (const { id, corrupt } of batch.corrupt) this.corrupt.set(id, corrupt);
    for (const id of batch.missing) this.missing.add(id);
  }
}
