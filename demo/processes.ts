/**
 * The demo's own processes. Each runs in a process group of its own, so that whatever it started ends with it, also
 * when the demo is interrupted half way; nothing that the demo did not start is ever signalled.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** A command that had to succeed did not. */
export class CommandFailed extends Error {
  constructor(words: readonly string[], ended: Ended) {
    super(`${words.join(" ")} ended with ${ended.code}\n${(ended.stderr || ended.stdout).trim()}`);
    this.name = "CommandFailed";
  }
}

const running = new Set<ChildProcess>();
let ending = false;

/** Starts a command. Its group is ended by `endAll` if it has not ended before. */
export function start(words: readonly string[], { cwd, env, input }: RunOptions): ChildProcess {
  if (ending) throw new Error("the demo is ending");
  const [command, ...args] = words as [string, ...string[]];
  const child = spawn(command, args, {
    cwd,
    env: { ...env },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  child.once("close", () => running.delete(child)).once("error", () => running.delete(child));
  child.stdin?.on("error", () => {});
  child.stdin?.end(input ?? "");
  return child;
}

/** Runs a command to its end, whatever that is. */
export function run(words: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = start(words, options);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({
        code: code ?? 255,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
  });
}

/** Runs a command that has to succeed; gives what it printed. */
export async function runOk(words: readonly string[], options: RunOptions): Promise<string> {
  const ended = await run(words, options);
  if (ended.code !== 0) throw new CommandFailed(words, ended);
  return ended.stdout;
}

/** Asks one process to end and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  signal(child, "SIGTERM");
  await Promise.race([closed, sleep(10_000, undefined, { ref: false }).then(() => signal(child, "SIGKILL"))]);
}

/** Ends all that is still running; nothing can be started afterwards. */
export async function endAll(): Promise<void> {
  ending = true;
  await Promise.all([...running].map(end));
}

function signal(child: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has just ended by itself.
  }
}
