/** The server, seen from whoever started it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { extname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { GitTreeError } from "../git/git-tree.ts";
import { inNamespace, type User } from "./namespace.ts";
import type { Programs } from "./programs.ts";
import { readRecord } from "./record.ts";
import { MOUNT, RECORD, renderJob, type ServerJob, type ServerState } from "./server-job.ts";
import type { ViewRecord } from "./view.ts";
import { unavailable, ViewError } from "./view-error.ts";

const MAX_COMPLAINT = 4096;
/**
 * What ends a server in time. Nobody else sends it: a server that ended of anything else had done so before, although
 * this process may be told only now.
 */
const FAREWELL = "SIGUSR2";
const FAREWELL_MS = 5000;

export class ServerProcess {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly ended = Promise.withResolvers<void>();
  private readonly serving = Promise.withResolvers<void>();
  /** Where it mounts, in its own namespace. */
  readonly mount: string;
  private readonly recordFile: string;
  private said = "";
  private complaint = "";
  /** Whether it ended by itself, under the command. */
  private isGone = false;

  /** Starts the process, which then waits for `serve`. */
  constructor(programs: Programs, user: User, dir: string) {
    this.mount = join(dir, MOUNT);
    this.recordFile = join(dir, RECORD);
    // Beside this file, also in a bundle.
    const name = extname(import.meta.url) === ".ts" ? "server-main.mjs" : "server-main.js";
    const main = fileURLToPath(new URL(`./${name}`, import.meta.url));
    const argv = inNamespace(programs, user, [process.execPath, main]);
    // In a session of its own: what the terminal interrupts is the command.
    this.child = spawn(argv[0]!, argv.slice(1), {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      cwd: "/",
    });
    this.child.stdin.on("error", () => {});
    this.child.stdout.on("data", (chunk: Buffer) => this.hear(chunk.toString()));
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.complaint = (this.complaint + chunk.toString()).slice(-MAX_COMPLAINT);
    });
    this.child.on("error", ({ message }) => this.onEnd(message));
    this.child.on("close", () => this.onEnd(this.lastWords()));
    // It may fail before anybody waits for it.
    this.serving.promise.catch(() => {});
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Throws `ViewError` where this machine does not let us mount, and `GitTreeError` where a tree is broken. */
  serve(job: ServerJob): Promise<void> {
    this.child.stdin.end(renderJob(job));
    return this.serving.promise;
  }

  /** Ends it when the command has ended; gives what was opened. Throws `ViewError` where it had ended before. */
  async finish(): Promise<ViewRecord> {
    this.signal(FAREWELL);
    this.signal("SIGCONT");
    const impatient = setTimeout(() => this.kill(), FAREWELL_MS);
    await this.ended.promise;
    clearTimeout(impatient);
    if (this.child.signalCode === FAREWELL) return readRecord(this.recordFile);
    throw new ViewError("view-ended", `the server of the view ended: ${this.lastWords()}`);
  }

  /** Ends it and the Git that it asks. */
  async end(): Promise<void> {
    this.kill();
    await this.ended.promise;
  }

  /** Whoever waits for an answer gets an error. */
  kill(): void {
    this.signal("SIGKILL");
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.isGone || this.child.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It ended just now.
    }
  }

  private hear(text: string): void {
    const lines = (this.said + text).split("\n");
    this.said = lines.pop()!;
    for (const line of lines) this.onState(JSON.parse(line) as ServerState);
  }

  private onState(state: ServerState): void {
    if (state.kind === "serving") this.serving.resolve();
    else if (state.kind === "unavailable") this.serving.reject(unavailable(state.reason));
    else this.fail(state.name, state.message);
  }

  private fail(name: string, message: string): void {
    this.complaint = message;
    const broken = name === "GitTreeError" || name === "BlobError";
    this.serving.reject(
      broken ? new GitTreeError("corrupt-object", message) : new ViewError("view-ended", message),
    );
  }

  private onEnd(problem: string): void {
    this.isGone = true;
    this.serving.reject(unavailable(`no server of a view can be started: ${problem}`));
    this.ended.resolve();
  }

  private lastWords(): string {
    return this.complaint.trim().split("\n").at(-1) || "it was killed";
  }
}
