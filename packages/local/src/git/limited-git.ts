/**
 * A Git child that talks to somebody else's server. Claim: it ends within its time and with its helpers (the remote
 * helper, ssh, index-pack), and what it brings never takes more of the disk than it was given, or more memory for one
 * object. Against: a server that never ends its answer, one that sends a pack of any size, and a pack of few bytes
 * that unpacks to many. Left out: what the objects say.
 */
import { spawn } from "node:child_process";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ProcessError } from "../process/run.ts";
import { RepositoryError } from "./neutral.ts";

/** A remote that cannot be reached or does not answer as one: nothing that the user named wrongly here. */
export class RemoteError extends RepositoryError {
  constructor(message: string) {
    super(message);
    this.name = "RemoteError";
  }
}

export interface Limits {
  readonly timeoutMs: number;
  /** Most bytes that the packs of `dir` may grow by. */
  readonly maxBytes: number;
}

export interface LimitedGit extends Limits {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Bare repository whose growth is watched. */
  readonly dir: string;
}

export interface LimitedResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Most bytes kept of what Git prints: references and complaints, no objects. */
const MAX_TEXT = 8 << 20;
/** How often the disk is looked at, in milliseconds: what arrives in between is all that a sender can overstep by. */
const LOOK_EVERY = 100;
/** Most memory for one object (GIT_ALLOC_LIMIT): `index-pack` inflates commits and trees whole. */
const MAX_OBJECT_MEMORY = "1g";

/** Runs Git to its end. Throws `RemoteError` where a limit was reached; a non-zero exit is a result. */
export function runLimited({ args, env, dir, timeoutMs, maxBytes }: LimitedGit): Promise<LimitedResult> {
  const { promise, resolve, reject } = Promise.withResolvers<LimitedResult>();
  // A group of its own, so that ending it ends its helpers too.
  const child = spawn("git", args, {
    env: { ...env, GIT_ALLOC_LIMIT: MAX_OBJECT_MEMORY },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const had = new Set(names(dir));
  const before = packBytes(dir);
  const refuse = (problem: string) => reject(new RemoteError(problem));
  const end = (problem: string) => {
    endGroup(child.pid);
    refuse(problem);
  };
  const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
  const isTooMuch = () => packBytes(dir) - before > maxBytes;
  const overstepped = `it sent more than the ${sizeText(maxBytes)} that are allowed`;
  const look = setInterval(() => isTooMuch() && end(overstepped), LOOK_EVERY);
  const release = interruptible(child.pid);
  const stdout = collect(child.stdout, () => end("it sent more references than are allowed"));
  const stderr = collect(child.stderr, () => end("it sent more messages than are allowed"));
  const done = () => {
    clearTimeout(timer);
    clearInterval(look);
    release();
  };
  child.on("error", (cause) => {
    done();
    reject(new ProcessError("git", cause.message, { cause }));
  });
  child.on("close", (code) => {
    done();
    // Also what came faster than the disk was looked at.
    if (isTooMuch()) refuse(overstepped);
    if (code !== 0) removeUnfinished(dir, had);
    resolve({ code: code ?? 255, stdout: stdout(), stderr: stderr() });
  });
  return promise;
}

/** Bytes of all packs in a repository, those still arriving included. */
export function packBytes(dir: string): number {
  return names(dir).reduce((sum, name) => sum + sizeOf(join(packsOf(dir), name)), 0);
}

/** Git that was ended leaves what had arrived: repeated, that would fill the disk. */
function removeUnfinished(dir: string, had: ReadonlySet<string>): void {
  for (const name of names(dir))
    if (name.startsWith("tmp_") && !had.has(name)) rmSync(join(packsOf(dir), name), { force: true });
}

function packsOf(dir: string): string {
  return join(dir, "objects", "pack");
}

function names(dir: string): string[] {
  try {
    return readdirSync(packsOf(dir)).filter((name) => name.endsWith(".pack") || name.startsWith("tmp_"));
  } catch {
    return [];
  }
}

/** A temporary file may be renamed between being listed and being looked at. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function collect(stream: NodeJS.ReadableStream, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_TEXT) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString();
}

/** What the terminal interrupts is this process alone: the group goes with it. */
function interruptible(pid: number | undefined): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const handlers = signals.map((signal) => {
    const handler = () => {
      endGroup(pid);
      process.off(signal, handler);
      process.kill(process.pid, signal);
    };
    process.once(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function sizeText(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${bytes} bytes`;
}
