/**
 * Whole processes under a clock. Contenders take turns (A B A B), so that a busy machine slows all of them alike, and
 * the median of each is what is told.
 */
import { spawnSync } from "node:child_process";

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Put right before each run, outside the clock. */
  readonly prepare?: () => void;
  /** Exit codes that are an answer; 0 unless told. */
  readonly accept?: readonly number[];
}

/** Seconds: by the clock, and of all cores in the process and its children. */
export interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

export interface Measured extends Cost {
  readonly runs: readonly Cost[];
}

/** Medians of every contender over `rounds` turns. Throws with its own last words where one fails. */
export function inTurns<Name extends string>(
  contenders: Readonly<Record<Name, Command>>,
  rounds: number,
): Record<Name, Measured> {
  const names = Object.keys(contenders) as Name[];
  const runs = new Map(names.map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) runs.get(name)!.push(runOnce(contenders[name]));
  }
  return Object.fromEntries(names.map((name) => [name, middle(runs.get(name)!)])) as Record<Name, Measured>;
}

/** Runs a command to its end, its output thrown away. */
export function runOnce(command: Command): Cost {
  command.prepare?.();
  const start = performance.now();
  const ended = spawnSync("sh", ["-c", TIMED, "sh", ...command.argv], {
    cwd: command.cwd,
    env: command.env ?? process.env,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  const wall = (performance.now() - start) / 1000;
  if (ended.status === null || !(command.accept ?? [0]).includes(ended.status)) {
    const words = ended.stderr.trim().split("\n").slice(-3).join("; ");
    throw new Error(`${command.argv[0]} ended with ${ended.status ?? ended.signal}: ${words}`);
  }
  return { wall, cpu: cpuSeconds(ended.output[3] ?? "") };
}

/** `times` prints the shell's own user and system time, and below it that of its children. */
const TIMED = `"$@"; code=$?; times >&3; exit $code`;

function cpuSeconds(times: string): number {
  const children = times.trim().split("\n").at(-1) ?? "";
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

function middle(runs: readonly Cost[]): Measured {
  return { wall: median(runs.map(({ wall }) => wall)), cpu: median(runs.map(({ cpu }) => cpu)), runs };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
