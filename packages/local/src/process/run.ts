/**
 * Children: always an argument array, never a shell; bounded output; bounded time. What a child prints is returned
 * as bytes and decides nothing by itself.
 */
import { type SpawnOptions, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child. Default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array | string;
  /** Default ten minutes. */
  readonly timeoutMs?: number;
  /** Most bytes taken from stdout; default 64 MiB. A child that prints more is ended. */
  readonly maxBytes?: number;
  /** Bytes kept of stderr, from its beginning and its end; default 1 MiB. */
  readonly maxErrorBytes?: number;
  /** Leave the child no descriptor but its own three, although this process was started with more. */
  readonly alone?: boolean;
  /** Hand stderr through to the person's terminal instead of collecting it. */
  readonly showErrors?: boolean;
}

export interface RunResult {
  /** Exit code; 128 + signal number's stand-in 255 where a signal ended it. */
  readonly code: number;
  readonly signal?: NodeJS.Signals;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A child that could not be started, ran out of time, printed too much, or failed where it must not. */
export class ProcessError extends Error {
  /** What ended it, where that was a signal. */
  readonly signal: NodeJS.Signals | undefined;

  constructor(command: string, problem: string, options?: ErrorOptions & { signal?: NodeJS.Signals }) {
    super(`${command}: ${problem}`, options);
    this.name = "ProcessError";
    this.signal = options?.signal;
  }
}

/** Runs a command to its end. A non-zero exit is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const child = spawn(command, args, spawnOptions(options));
  const stdout = new Collector(options.maxBytes ?? 64 << 20);
  const stderr = new Ends(options.maxErrorBytes ?? 1 << 20);
  const stop = (problem: string) => {
    child.kill("SIGKILL");
    reject(new ProcessError(command, problem));
  };
  const timeout = options.timeoutMs ?? 600_000;
  const timer = setTimeout(() => stop(`did not end within ${timeout / 1000} s`), timeout);
  child.stdout?.on("data", (chunk: Buffer) => {
    if (!stdout.add(chunk)) stop("printed more than expected");
  });
  child.stderr?.on("data", (chunk: Buffer) => stderr.add(chunk));
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  child.on("error", (cause) => {
    clearTimeout(timer);
    reject(new ProcessError(command, startProblem(cause), { cause }));
  });
  child.on("close", (code, signal) => {
    clearTimeout(timer);
    const ended = { code: code ?? 255, ...(signal && { signal }) };
    resolve({ ...ended, stdout: stdout.bytes(), stderr: stderr.bytes().toString() });
  });
  return promise;
}

/** As `run`, but a non-zero exit is a `ProcessError` carrying what the child said on stderr. */
export async function runOk(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Buffer> {
  const result = await run(command, args, options);
  if (result.code !== 0) throw failure(`${command} ${args[0] ?? ""}`.trim(), result);
  return result.stdout;
}

/** What a child that failed said of it. */
export function failure(command: string, { code, signal, stderr }: RunResult): ProcessError {
  return new ProcessError(command, stderr.trim() || `exit code ${code}`, signal && { signal });
}

function spawnOptions(options: RunOptions): SpawnOptions {
  return {
    stdio: [
      "pipe",
      "pipe",
      options.showErrors ? "inherit" : "pipe",
      ...(options.alone ? overInherited() : []),
    ],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
}

function startProblem(cause: Error): string {
  return "code" in cause && cause.code === "ENOENT" ? "is not installed" : cause.message;
}

/**
 * Descriptors that this process was given at its start, and that its children would get too: /dev/null takes their
 * places. Those that Node.js opens are closed for a child anyway.
 */
function overInherited(): "ignore"[] {
  const given = readdirSync("/proc/self/fdinfo")
    .map(Number)
    .filter((number) => number > 2 && isInherited(number));
  return new Array<"ignore">(Math.max(2, ...given) - 2).fill("ignore");
}

const CLOSED_FOR_CHILDREN = 0o2000000;

function isInherited(number: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSED_FOR_CHILDREN) === 0;
  } catch {
    // The one that listed the directory.
    return false;
  }
}

/** The first and the last of what comes: one version of Nix opens with its error, another closes with it. */
class Ends {
  private readonly first: Collector;
  private last: Buffer[] = [];
  private size = 0;
  private readonly half: number;

  constructor(limit: number) {
    this.half = Math.ceil(limit / 2);
    this.first = new Collector(this.half);
  }

  add(chunk: Buffer): void {
    if (this.last.length === 0 && this.first.add(chunk)) return;
    this.last.push(chunk);
    this.size += chunk.length;
    if (this.size <= 2 * this.half) return;
    this.last = [this.kept()];
    this.size = this.half;
  }

  private kept(): Buffer {
    return Buffer.concat(this.last).subarray(-this.half);
  }

  bytes(): Buffer {
    return Buffer.concat([this.first.bytes(), this.kept()]);
  }
}

class Collector {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(chunk: Buffer): boolean {
    if (this.size + chunk.length > this.limit) return false;
    this.size += chunk.length;
    this.chunks.push(chunk);
    return true;
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
