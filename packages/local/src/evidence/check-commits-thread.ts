/** The other side of `threadChecker`: checks each chunk it is sent. */
import { parentPort, workerData } from "node:worker_threads";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type CommitJob, localChecker } from "./check-commits.ts";

const port = parentPort!;
const checker = localChecker(workerData as CommitJob);

port.on("message", (chunk: readonly CommitId[]) => {
  checker.check(chunk).then(
    (checked) => port.postMessage(checked),
    (error: unknown) => {
      throw error;
    },
  );
});
