/**
 * The latest time at which this machine decided by its rules, whether it allowed or refused. Claim: a clock that is set
 * back over more than a day brings no rules, keys or waivers back that had run out. Beside the pin and not in it: it is
 * written by every question, and must not put back an older pin that was read a moment before. Left out: users who may
 * read the machine's state and not write it; what they are refused is not noted, what the gate or root is told is.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is noted is at most so much older than the last decision, in seconds; `judgeTime` allows for a day. */
const STEP = 600;

/** The file is there and says no time. */
export class LatestSeenError extends Error {
  readonly help =
    "if this machine's clock is right, remove the file; the next decision writes it anew. Until then nothing is decided";

  constructor(file: string, problem: string) {
    super(`${file}, the latest time at which this machine has decided, cannot be read: ${problem}`);
    this.name = "LatestSeenError";
  }
}

/** Unix seconds; 0 where nothing was noted. Throws `LatestSeenError`. */
export function latestSeen(stateDir: string): number {
  const file = fileIn(stateDir);
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw new LatestSeenError(file, String(error));
  }
  if (!/^\d{1,12}\n$/.test(text))
    throw new LatestSeenError(file, "it is not a number of seconds on one line");
  return Number(text);
}

/** Notes a decision made at `now`, unless a later one or one shortly before is noted as `known`. Returns what is noted. */
export function noteSeen(stateDir: string, known: number, now: number): number {
  if (now < known + STEP) return known;
  setLatestSeen(stateDir, now);
  return now;
}

/** Where this user may not write, or the disk is full, nothing is noted. */
export function setLatestSeen(stateDir: string, now: number): void {
  const file = fileIn(stateDir);
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(join(stateDir, "trust"), { recursive: true, mode: 0o755 });
    writeFileSync(fresh, `${Math.floor(now)}\n`, { mode: 0o644, flush: true });
    renameSync(fresh, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && UNWRITABLE.has(String(error.code)))) throw error;
  }
}

const UNWRITABLE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT"]);

function fileIn(stateDir: string): string {
  return join(stateDir, "trust", "latest-seen");
}
