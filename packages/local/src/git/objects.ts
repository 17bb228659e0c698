/**
 * Objects by id, through one `git cat-file --batch-command` child. Requests are pipelined: ask for thousands at once and
 * the answers come in order, 40,000 and more a second. An object's bytes are as the database gives them; whoever
 * rests a verdict on one re-hashes it.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { BatchParser, type GitObject } from "./batch-parser.ts";
import type { NeutralGit } from "./neutral.ts";

export type { GitObject, ObjectType } from "./batch-parser.ts";

/** Keeps anything else, such as a second command behind a line break, out of the child's input. */
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

interface Waiting {
  readonly id: string;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** The database could not be read as asked. */
export class GitReadError extends Error {
  constructor(problem: string) {
    super(`git cat-file: ${problem}`);
    this.name = "GitReadError";
  }
}

export class GitObjects implements Disposable {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly queue: Waiting[] = [];
  private head = 0;
  private pending: string[] = [];
  private failure: Error | undefined;
  private readonly parser: BatchParser;

  constructor(git: NeutralGit["env"]) {
    this.child = spawn("git", ["cat-file", "--batch-command", "--buffer"], {
      env: git,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.parser = new BatchParser((object) => this.answer(object));
    this.child.stdout.on("data", (chunk: Buffer) => this.feed(chunk));
    this.child.stderr.resume();
    this.child.stdin.on("error", () => {});
    this.child.on("error", (error) => this.fail(new GitReadError(error.message)));
    this.child.on("close", () => this.fail(new GitReadError("ended before it answered")));
  }

  /** The object, or undefined where the database has none of that id. */
  get(id: string): Promise<GitObject | undefined> {
    if (this.failure) return Promise.reject(this.failure);
    if (!OBJECT_ID.test(id))
      return Promise.reject(new GitReadError("was asked for something that is no object id"));
    const { promise, resolve, reject } = Promise.withResolvers<GitObject | undefined>();
    this.queue.push({ id, resolve, reject });
    this.pending.push(id);
    if (this.pending.length === 1) queueMicrotask(() => this.flush());
    return promise;
  }

  /** All of them, in the order asked for. */
  getAll(ids: readonly string[]): Promise<(GitObject | undefined)[]> {
    return Promise.all(ids.map((id) => this.get(id)));
  }

  [Symbol.dispose](): void {
    this.fail(new GitReadError("was closed"));
    this.child.kill();
  }

  private flush(): void {
    const ids = this.pending;
    this.pending = [];
    this.child.stdin.write(`contents ${ids.join("\ncontents ")}\nflush\n`);
  }

  private feed(chunk: Buffer): void {
    try {
      this.parser.push(chunk);
    } catch (error) {
      this.child.kill();
      this.fail(error instanceof Error ? error : new GitReadError(String(error)));
    }
  }

  private answer(object: GitObject | { readonly missing: string }): void {
    const waiting = this.queue[this.head++];
    if (this.head > 4096) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    if (!waiting) throw new GitReadError("answered a question that nobody asked");
    if ("missing" in object) waiting.resolve(undefined);
    else if (object.id === waiting.id) waiting.resolve(object);
    else throw new GitReadError(`was asked for ${waiting.id} and answered ${object.id}`);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const waiting of this.queue.splice(0).slice(this.head)) waiting.reject(this.failure);
    this.head = 0;
  }
}
