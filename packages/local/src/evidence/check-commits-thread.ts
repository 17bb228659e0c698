/**
 * The other side of `threadChecker`: checks each chunk it is sent, and answers in the order asked. A thread has no
 * compile cache unless it asks for it, and would strip and compile every module anew.
 */
import { enableCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { CommitJob } from "./check-commits.ts";
import type { Batch } from "./check-commits-records.ts";

enableCompileCache();
const { localChecker } = await import("./check-commits-local.ts");
const port = parentPort!;
const checker = localChecker(workerData as CommitJob);
let answered: Promise<unknown> = Promise.resolve();

port.on("message", ({ ids, width }: { ids: Uint8Array; width: number }) => {
  const checked: Promise<Batch> = checker.check(ids, width);
  answered = Promise.all([checked, answered]).then(
    ([batch]) => port.postMessage(batch, [batch.records.buffer]),
    (error: unknown) => {
      throw error;
    },
  );
});
