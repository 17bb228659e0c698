/**
 * How much an evaluation may take. Generous: all of nixpkgs evaluates below them. Each is enforced by the kernel, and
 * each has a message of its own, told from the last words of Nix or its exit code: it has failed in any case.
 */
import { readFileSync } from "node:fs";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";

export interface SealLimits {
  /** Bytes of address space of one process. */
  readonly addressSpace: number;
  /** Seconds of processor time of one process, all its threads together. */
  readonly cpuSeconds: number;
  /** Bytes of the largest file written. */
  readonly fileSize: number;
  /** Descriptors open at once. */
  readonly descriptors: number;
  /** Bytes of all that is written: private store, home and temporary files. They are held in memory. */
  readonly storeSize: number;
  /** Files, directories and links written. */
  readonly storeFiles: number;
  /** Bytes printed on standard output. */
  readonly outputBytes: number;
  /** Milliseconds from start to end. */
  readonly timeMs: number;
}

export const SEAL_LIMITS: SealLimits = {
  addressSpace: 16 * 2 ** 30,
  cpuSeconds: 900,
  fileSize: 2 * 2 ** 30,
  descriptors: 1024,
  storeSize: 4 * 2 ** 30,
  storeFiles: 1_000_000,
  outputBytes: 16 * 2 ** 20,
  timeMs: 300_000,
};

/** Arguments of prlimit(1). A limit that is lower already stays: only root may raise one. */
export function resourceLimits(
  limits: SealLimits,
  held = readFileSync("/proc/self/limits", "utf8"),
): string[] {
  return [
    `--as=${capped(limits.addressSpace, "Max address space", held)}`,
    // Both the warning and the end: Nix's garbage collector takes the warning's signal for its own.
    `--cpu=${capped(limits.cpuSeconds, "Max cpu time", held)}`,
    `--fsize=${capped(limits.fileSize, "Max file size", held)}`,
    `--nofile=${capped(limits.descriptors, "Max open files", held)}`,
    "--core=0",
  ];
}

function capped(wanted: number, name: string, held: string): number {
  const hard = new RegExp(`^${name}\\s+\\S+\\s+(\\d+)`, "m").exec(held)?.[1];
  return hard === undefined ? wanted : Math.min(wanted, Number(hard));
}

/** Bubblewrap's numbers for a process that a signal ended: SIGKILL and SIGXFSZ. */
const KILLED = 128 + 9;
const ENDED_BY_FILE_SIZE = 128 + 25;

/** The reason for a command that ended at a limit; undefined where it did not. `said`: its last error. */
export function limitReached(limits: SealLimits, code: number, said: string): Reason | undefined {
  if (code === KILLED)
    return beyond(`${limits.cpuSeconds} s of processor time, or than the machine's memory`);
  if (/^(?:out of memory|std::bad_alloc)|Cannot allocate memory/.test(said))
    return beyond(`${size(limits.addressSpace)} of memory`);
  if (code === ENDED_BY_FILE_SIZE || /File too large/.test(said))
    return beyond(`${size(limits.fileSize)} in one file`);
  if (/Too many open files/.test(said)) return beyond(`${limits.descriptors} files open at once`);
  if (/No space left on device|database or disk is full/.test(said))
    return beyond(`${size(limits.storeSize)} or ${limits.storeFiles} files in its private store`);
  return undefined;
}

/** The reason for a command that was ended from here. */
export function tooLong(timeMs: number): Reason {
  return lacking("evaluation-failed", `the evaluation did not end within ${timeMs / 1000} s`, {
    remedy: "look for an expression that never ends; nothing of it was admitted",
  });
}

export function printedTooMuch(bytes: number): Reason {
  return beyond(`${size(bytes)} of output`);
}

function beyond(what: string): Reason {
  return lacking("evaluation-failed", `the evaluation needs more than ${what}, and was ended`, {
    remedy: "look for an expression that grows without end, or evaluate fewer attributes at once",
  });
}

function size(bytes: number): string {
  for (const [unit, value] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
  ] as const)
    if (bytes >= value) return `${Math.round((bytes / value) * 10) / 10} ${unit}`;
  return `${bytes} bytes`;
}
