/** A checker in a thread of its own, seen from this one. */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { CorruptCommit } from "@firstmile/trust/history/facts";
import type { Checker, CommitJob } from "./check-commits.ts";
import type { Batch } from "./check-commits-records.ts";
import type { Asked } from "./check-commits-thread.ts";

export function threadChecker(job: CommitJob): Checker {
  // Beside this file it ends as this file does: .ts in a checkout, .js in a bundle.
  const thread = new URL(`./check-commits-thread${extname(import.meta.url)}`, import.meta.url);
  // Of a whole policy, the rest would be copied for nothing: keyrings of thousands of certificates, say.
  const policy = job.policy && { principals: job.policy.principals };
  const worker = new Worker(thread, { workerData: { ...job, policy } satisfies CommitJob });
  const asked: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  let failure: Error | undefined;
  worker.unref();
  worker.on("message", (answer: unknown) => asked.shift()?.resolve(answer));
  worker.on("error", (error: Error) => {
    failure = error;
    for (const { reject } of asked.splice(0)) reject(error);
  });
  function ask<Answer>(question: Asked, moved: ArrayBuffer[]): Promise<Answer> {
    // A thread that has died answers nothing: waiting for it would last for ever.
    if (failure) return Promise.reject(failure);
    const answer = Promise.withResolvers<Answer>();
    asked.push({ resolve: (found) => answer.resolve(found as Answer), reject: answer.reject });
    worker.postMessage(question, moved);
    return answer.promise;
  }
  return {
    check: (ids, width) => ask<Batch>({ ids, width }, [ids.buffer as ArrayBuffer]),
    finish: () => ask<readonly CorruptCommit[]>("finish", []),
    close: () => worker.terminate(),
  };
}
