/**
 * Children: always an argument array, never a shell; bounded output; bounded time. What a child prints is returned
 * as bytes and decides nothing by itself.
 */
import { type SpawnOptions, spawn } from "node:child_process";

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child. Default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array | string;
  /** Default ten minutes. */
  readonly timeoutMs?: number;
  /** Most bytes taken from stdout; default 64 MiB. A child that prints more is ended. */
  readonly maxBytes?: number;
  /** Hand stderr through to the person's terminal instead of collecting it. */
  readonly showErrors?: boolean;
}

export interface RunResult {
  /** Exit code; 128 + signal number's stand-in 255 where a signal ended it. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A child that could not be started, ran out of time or printed too much. */
export class ProcessError extends Error {
  constructor(command: string, problem: string, options?: ErrorOptions) {
    super(`${command}: ${problem}`, options);
    this.name = "ProcessError";
  }
}

/** Runs a command to its end. A non-zero exit is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const child = spawn(command, args, spawnOptions(options));
  const stdout = new Collector(options.maxBytes ?? 64 << 20);
  const stderr = new Collector(1 << 20);
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
  child.on("close", (code) => {
    clearTimeout(timer);
    resolve({ code: code ?? 255, stdout: stdout.bytes(), stderr: stderr.bytes().toString() });
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
  if (result.code !== 0) {
    throw new ProcessError(
      `${command} ${args[0] ?? ""}`.trim(),
      result.stderr.trim() || `exit code ${result.code}`,
    );
  }
  return result.stdout;
}

function spawnOptions(options: RunOptions): SpawnOptions {
  return {
    stdio: ["pipe", "pipe", options.showErrors ? "inherit" : "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
}

function startProblem(cause: Error): string {
  return "code" in cause && cause.code === "ENOENT" ? "is not installed" : cause.message;
}

class Collector {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(chunk: Buffer): boolean {
    this.size += chunk.length;
    if (this.size > this.limit) return false;
    this.chunks.push(chunk);
    return true;
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
