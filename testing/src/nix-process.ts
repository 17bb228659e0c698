import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** How a command ended. `code` is null where a signal or the time limit ended it. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | undefined;
  readonly timeoutMs: number;
}

/** Runs one command to its end, without a shell. Ends its process group, and nothing else, after `timeoutMs`. */
export function runChild(argv: readonly string[], options: ChildOptions): Promise<Ended> {
  const [command, ...args] = argv;
  if (command === undefined) throw new Error("no command");
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: "pipe",
    detached: true,
  });
  feed(child.stdin, options.input);
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const limit = setTimeout(() => endGroup(child, "SIGKILL"), options.timeoutMs);
    child.stdout.on("data", (bytes: Buffer) => out.push(bytes));
    child.stderr.on("data", (bytes: Buffer) => err.push(bytes));
    child.once("error", (error) => {
      clearTimeout(limit);
      reject(error);
    });
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({
        code,
        stdout: Buffer.concat(out).toString("utf8"),
        stderr: Buffer.concat(err).toString("utf8"),
      });
    });
  });
}

/** Signals the group that `runChild` or a daemon leads; a group that is gone already is no error. */
export function endGroup(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function feed(stdin: Writable, input: string | Uint8Array | undefined) {
  // A command that does not read its input closes the pipe: that is its business, not a failure of the test.
  stdin.on("error", () => {});
  stdin.end(input ?? "");
}
