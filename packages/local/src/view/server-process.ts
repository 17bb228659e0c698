/** The server, seen from whoever started it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { extname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { GitTreeError } from "../git/git-tree.ts";
import { inNamespace, type User } from "./namespace.ts";
import { RecordReader, type ServerLine } from "./record.ts";
import { renderJob, type ServerJob } from "./server-job.ts";
import type { ViewRecord } from "./view.ts";
import { unavailable, ViewError } from "./view-error.ts";

const MAX_COMPLAINT = 4096;

export class ServerProcess {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly ended = Promise.withResolvers<void>();
  private readonly serving = Promise.withResolvers<void>();
  private readonly reader = new RecordReader((line) => this.onState(line));
  private complaint = "";
  /** Whether it ended by itself, under the command. */
  private isGone = false;

  /** Rejects with `ViewError` where this machine does not let us mount, and `GitTreeError` where a tree is broken. */
  static async start(job: ServerJob, user: User): Promise<ServerProcess> {
    const server = new ServerProcess(job, user);
    try {
      await server.serving.promise;
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  private constructor(job: ServerJob, user: User) {
    // Beside this file it ends as this file does: .ts in a checkout, .js in a bundle.
    const main = fileURLToPath(new URL(`./server-main${extname(import.meta.url)}`, import.meta.url));
    const argv = inNamespace(job.programs, user, [process.execPath, main]);
    // In a session of its own: what the terminal interrupts is the command.
    this.child = spawn(argv[0]!, argv.slice(1), {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      cwd: "/",
    });
    this.child.stdin.on("error", () => {});
    this.child.stdin.end(renderJob(job));
    this.child.stdout.on("data", (chunk: Buffer) => this.reader.push(chunk));
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.complaint = (this.complaint + chunk.toString()).slice(-MAX_COMPLAINT);
    });
    this.child.on("error", ({ message }) => this.serving.reject(unavailable(message)));
    this.child.on("close", () => this.onClose());
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Ends it and everything it started; gives what was opened. Throws `ViewError` where it had ended by itself. */
  async stop(): Promise<ViewRecord> {
    const hadEnded = this.isGone;
    this.kill();
    await this.ended.promise;
    if (hadEnded) throw new ViewError("view-ended", `the server of the view ended: ${this.lastWords()}`);
    return this.reader.record;
  }

  /** Whoever waits for an answer gets an error. */
  kill(): void {
    if (this.isGone) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // It ended just now.
    }
  }

  private onState(line: ServerLine): void {
    if (line.kind === "serving") this.serving.resolve();
    if (line.kind === "unavailable") this.serving.reject(unavailable(line.reason));
    if (line.kind === "failed") this.fail(line.name, line.message);
  }

  private fail(name: string, message: string): void {
    this.complaint = message;
    const broken = name === "GitTreeError" || name === "BlobError";
    this.serving.reject(
      broken ? new GitTreeError("corrupt-object", message) : new ViewError("view-ended", message),
    );
  }

  private onClose(): void {
    this.isGone = true;
    this.serving.reject(unavailable(`no server of a view can be started: ${this.lastWords()}`));
    this.ended.resolve();
  }

  private lastWords(): string {
    return this.complaint.trim().split("\n").at(-1) || "it was killed";
  }
}
