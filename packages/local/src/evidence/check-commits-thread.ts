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

/** A chunk to check, or the end of all chunks. */
export type Asked = { readonly ids: Uint8Array; readonly width: number } | "finish";

port.on("message", (asked: Asked) => {
  const answer = asked === "finish" ? finish() : check(asked);
  answered = Promise.all([answer, answered]).then(
    ([send]) => send(),
    (error: unknown) => {
      throw error;
    },
  );
});

async function check({ ids, width }: Exclude<Asked, "finish">): Promise<() => void> {
  const batch: Batch = await checker.check(ids, width);
  return () => port.postMessage(batch, [batch.records.buffer]);
}

async function finish(): Promise<() => void> {
  const attacks = await checker.finish();
  return () => port.postMessage(attacks);
}
