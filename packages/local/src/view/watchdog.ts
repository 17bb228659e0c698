/**
 * Ends a server that answers no more, so that whoever waits for it gets an error instead of waiting for ever. It asks
 * the mount itself, through a child: a question from this process could be one that never ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { enter, type User } from "./namespace.ts";
import type { Programs } from "./programs.ts";

export interface Watched {
  readonly pid: number;
  /** Where it mounts, in its own namespace. */
  readonly mount: string;
  kill(): void;
}

export interface Pace {
  readonly everyMs: number;
  /** How long an answer may take. A file of a gigabyte is read and hashed in some seconds. */
  readonly patienceMs: number;
}

const PACE: Pace = { everyMs: 10_000, patienceMs: 60_000 };

/** Gives what ends the watching. */
export function watch(server: Watched, programs: Programs, user: User, pace: Pace = PACE): () => void {
  const asked = new Set<ChildProcess>();
  let round = 0;
  const timer = setInterval(() => {
    if (asked.size === 0) ask(server, programs, user, ++round, pace, asked);
  }, pace.everyMs);
  return () => {
    clearInterval(timer);
    for (const child of asked) child.kill("SIGKILL");
  };
}

/** A name that nobody asked for before: the kernel remembers the answers. */
function ask(
  server: Watched,
  programs: Programs,
  user: User,
  round: number,
  { patienceMs }: Pace,
  asked: Set<ChildProcess>,
): void {
  const argv = [...enter(programs, user, server.pid), programs.test, "-e", `${server.mount}/.asked-${round}`];
  const child = spawn(argv[0]!, argv.slice(1), { stdio: "ignore", cwd: "/" });
  asked.add(child);
  const timer = setTimeout(() => server.kill(), patienceMs);
  const done = () => {
    clearTimeout(timer);
    asked.delete(child);
  };
  child.on("error", done);
  child.on("exit", done);
}
