/**
 * The other side of `threadChecker`: checks each chunk it is sent, and answers in the order asked. A thread has no
 * compile cache unless it asks for it, and would strip and compile every module anew.
 */
import { enableCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CheckedCommit, CommitJob } from "./check-commits.ts";

enableCompileCache();
const { localChecker } = await import("./check-commits.ts");
const port = parentPort!;
const checker = localChecker(workerData as CommitJob);
let answered: Promise<unknown> = Promise.resolve();

port.on("message", (chunk: readonly CommitId[]) => {
  const checked: Promise<CheckedCommit[]> = checker.check(chunk);
  answered = Promise.all([checked, answered]).then(
    ([commits]) => port.postMessage(commits),
    (error: unknown) => {
      throw error;
    },
  );
});
