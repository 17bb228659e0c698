/** Runs the command of a view to its end, with the person's terminal or with limits. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { ProcessError } from "../process/run.ts";
import type { ViewCommand } from "./view.ts";
import { unavailable, ViewError } from "./view-error.ts";

export interface Ended {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** At least so much of what a command complains of is kept; what goes beyond is left out. */
const MIN_STDERR = 1 << 20;
const STARTED = "started\n";

/**
 * `argv` is what namespace.ts makes of the command. Throws `ViewError` where it failed before it became the command,
 * and `ProcessError` where a limit was passed.
 */
export async function runCommand(argv: readonly string[], command: ViewCommand): Promise<Ended> {
  const child = spawn(argv[0]!, argv.slice(1), spawnOptions(command));
  const begun = beginning(child);
  const release = command.stdio === "inherit" ? passSignals(child) : () => {};
  try {
    const ending = command.stdio === "inherit" ? ended(child) : limited(child, command, command.stdio);
    const result = await ending;
    if (begun.text === STARTED) return result;
    throw notBegun(begun.text.trim(), result.stderr.trim());
  } finally {
    release();
  }
}

/** What the script says is about this view's places; before it, about this machine. */
function notBegun(problem: string, stderr: string): ViewError {
  if (problem !== "")
    return new ViewError("view-misplaced", `the view cannot be put in its place: ${problem}`);
  return unavailable(`no namespace for the command: ${stderr.split("\n").at(-1) || "no reason given"}`);
}

function spawnOptions({ stdio, env }: ViewCommand): SpawnOptions {
  const shared: SpawnOptions = { cwd: "/", env: env ?? process.env };
  if (stdio === "inherit") return { ...shared, stdio: ["inherit", "inherit", "inherit", "pipe"] };
  // A group of its own, so that what it started ends with it.
  return { ...shared, stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true };
}

function beginning(child: ChildProcess): { text: string } {
  const begun = { text: "" };
  (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
    begun.text = (begun.text + chunk.toString()).slice(0, 4096);
  });
  return begun;
}

/** An interrupt from the terminal reaches the command by itself; what is sent to this process alone is passed on. */
function passSignals(child: ChildProcess): () => void {
  const ignore = () => {};
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  const handlers = { SIGINT: ignore, SIGQUIT: ignore, SIGTERM: pass, SIGHUP: pass };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  };
}

function ended(child: ChildProcess): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  child.on("error", (cause) => reject(unavailable(cause.message)));
  child.on("close", (code, signal) =>
    resolve({ code: exitCode(code, signal), stdout: Buffer.alloc(0), stderr: "" }),
  );
  return promise;
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

async function limited(
  child: ChildProcess,
  { argv }: ViewCommand,
  { timeoutMs, maxBytes }: { readonly timeoutMs: number; readonly maxBytes: number },
): Promise<Ended> {
  const tooMuch = Promise.withResolvers<never>();
  const stop = (problem: string) => {
    killGroup(child);
    tooMuch.reject(new ProcessError(argv[0]!, problem));
  };
  const timer = setTimeout(() => stop(`did not end within ${timeoutMs / 1000} s`), timeoutMs);
  const stdout = collect(child.stdout!, maxBytes, () => stop("printed more than expected"));
  const stderr = collect(child.stderr!, Math.max(maxBytes, MIN_STDERR), () => {});
  try {
    const { code } = await Promise.race([ended(child), tooMuch.promise]);
    return { code, stdout: stdout(), stderr: stderr().toString() };
  } finally {
    clearTimeout(timer);
  }
}

function collect(stream: Readable, maxBytes: number, tooMuch: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
