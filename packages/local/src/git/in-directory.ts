/**
 * Git as the user runs it, in a directory that the user names. Claim: it is never asked where it would wait for ever
 * (special-files.ts). Left out: what the user's own configuration has Git do.
 */
import { type RunOptions, type RunResult, run } from "../process/run.ts";
import { refuseSpecialFiles } from "./special-files.ts";

/** A non-zero exit is a result, not an error. Throws `SpecialFileError`, `ProcessError`. */
export async function gitIn(
  directory: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  refuseSpecialFiles(directory);
  return run("git", ["-C", directory, ...args], options);
}
