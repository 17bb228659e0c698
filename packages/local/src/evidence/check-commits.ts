/**
 * Signatures of many commits on all cores. This thread and its helpers each read from a Git child of their own and
 * take the next chunk when they are done with one; few commits are checked right here, since a thread takes longer
 * to start than a few hundred signatures take to check.
 */
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type CommitFacts, type CorruptCommit, commitFacts } from "@firstmile/trust/history/facts";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import type { KeyRing } from "@firstmile/trust/signature/verify";
import { GitObjects } from "../git/objects.ts";

/** Commits to check, with all that a thread needs for it. Structured-cloneable. */
export interface CommitJob {
  /** Environment of the Git child: see `neutralGit`. */
  readonly env: NodeJS.ProcessEnv;
  /** The trust repository's files, from which each thread loads the keys; undefined: signatures are not checked. */
  readonly policyFiles: ReadonlyMap<string, Uint8Array> | undefined;
  /** Unix seconds that decide the life of keys. */
  readonly now: number;
}

export type CheckedCommit = CommitFacts | CorruptCommit | { readonly id: CommitId; readonly missing: true };

const CHUNK = 256;
/** Chunks that each checker has at once, so that it reads one while it checks another and never waits for this thread. */
const IN_FLIGHT = 2;
/** Below this many, threads cost more than they bring. */
const WORTH_THREADS = 1500;

/** Facts of every commit, in the order asked for. `progress` is told how many are done. */
export async function checkCommits(
  job: CommitJob,
  ids: readonly CommitId[],
  progress: (done: number) => void = () => {},
): Promise<CheckedCommit[]> {
  await using checkers = new CommitCheckers(job);
  return await checkers.check(ids, progress);
}

/** This thread and, where there is enough to do, one for each further core. */
export class CommitCheckers implements AsyncDisposable {
  private readonly job: CommitJob;
  private readonly local: Checker;
  private threads: Checker[] = [];

  constructor(job: CommitJob) {
    this.job = job;
    this.local = localChecker(job);
  }

  /** Starts the threads now, while this one still finds out what there is to check. */
  expectMany(): void {
    if (this.threads.length > 0) return;
    this.threads = Array.from({ length: availableParallelism() - 1 }, () => threadChecker(this.job));
  }

  async check(
    ids: readonly CommitId[],
    progress: (done: number) => void = () => {},
  ): Promise<CheckedCommit[]> {
    if (ids.length >= WORTH_THREADS) this.expectMany();
    const results = new Array<CheckedCommit>(ids.length);
    const starts = Array.from({ length: Math.ceil(ids.length / CHUNK) }, (_, i) => i * CHUNK);
    let done = 0;
    const work = async (checker: Checker) => {
      for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
        const checked = await checker.check(ids.slice(start, start + CHUNK));
        for (const [i, result] of checked.entries()) results[start + i] = result;
        done += checked.length;
        progress(done);
      }
    };
    const checkers = ids.length < WORTH_THREADS ? [this.local] : [this.local, ...this.threads];
    await Promise.all(checkers.flatMap((checker) => Array.from({ length: IN_FLIGHT }, () => work(checker))));
    return results;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.local, ...this.threads].map((checker) => checker.close()));
  }
}

export interface Checker {
  check(chunk: readonly CommitId[]): Promise<CheckedCommit[]>;
  close(): Promise<unknown>;
}

/** A checker in this thread. */
export function localChecker(job: CommitJob): Checker {
  const objects = new GitObjects(job.env);
  const keys = job.policyFiles && keysIn(job.policyFiles);
  return {
    check: async (chunk) => {
      const read = await objects.getAll(chunk);
      return read.map((object, i) =>
        check(chunk[i]!, object?.type === "commit" ? object.content : undefined, keys, job.now),
      );
    },
    close: async () => objects[Symbol.dispose](),
  };
}

function check(
  id: CommitId,
  content: Uint8Array | undefined,
  keys: KeyRing | undefined,
  now: number,
): CheckedCommit {
  return content ? commitFacts(id, content, keys, now) : { id, missing: true };
}

function keysIn(files: ReadonlyMap<string, Uint8Array>): KeyRing {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error("a policy that was loaded before does not load in another thread");
  return identitiesOf(loaded.policy).keys;
}

function threadChecker(job: CommitJob): Checker {
  // Beside this file it ends as this file does: .ts in a checkout, .js in a bundle.
  const thread = new URL(`./check-commits-thread${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(thread, { workerData: job });
  const asked: PromiseWithResolvers<CheckedCommit[]>[] = [];
  let failure: Error | undefined;
  worker.unref();
  worker.on("message", (checked: CheckedCommit[]) => asked.shift()?.resolve(checked));
  worker.on("error", (error: Error) => {
    failure = error;
    for (const { reject } of asked.splice(0)) reject(error);
  });
  return {
    check: (chunk) => {
      // A thread that has died answers nothing: waiting for it would last for ever.
      if (failure) return Promise.reject(failure);
      const answer = Promise.withResolvers<CheckedCommit[]>();
      asked.push(answer);
      worker.postMessage(chunk);
      return answer.promise;
    },
    close: () => worker.terminate(),
  };
}
