/** A checker in a thread of its own, seen from this one. */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Checker, CommitJob } from "./check-commits.ts";
import type { Batch } from "./check-commits-records.ts";

export function threadChecker(job: CommitJob): Checker {
  // Beside this file it ends as this file does: .ts in a checkout, .js in a bundle.
  const thread = new URL(`./check-commits-thread${extname(import.meta.url)}`, import.meta.url);
  // Of a whole policy, the rest would be copied for nothing: keyrings of thousands of certificates, say.
  const policy = job.policy && { principals: job.policy.principals };
  const worker = new Worker(thread, { workerData: { ...job, policy } satisfies CommitJob });
  const asked: PromiseWithResolvers<Batch>[] = [];
  let failure: Error | undefined;
  worker.unref();
  worker.on("message", (batch: Batch) => asked.shift()?.resolve(batch));
  worker.on("error", (error: Error) => {
    failure = error;
    for (const { reject } of asked.splice(0)) reject(error);
  });
  return {
    check: (ids, width) => {
      // A thread that has died answers nothing: waiting for it would last for ever.
      if (failure) return Promise.reject(failure);
      const answer = Promise.withResolvers<Batch>();
      asked.push(answer);
      worker.postMessage({ ids, width }, [ids.buffer as ArrayBuffer]);
      return answer.promise;
    },
    close: () => worker.terminate(),
  };
}
