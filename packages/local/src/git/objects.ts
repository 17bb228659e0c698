/**
 * Objects by id, through one `git cat-file --batch-command` child. Requests are pipelined: ask for thousands at once and
 * the answers come in order, 40,000 and more a second. An object's bytes are as the database gives them; whoever
 * rests a verdict on one re-hashes it.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { type Answer, BatchParser, type GitObject, type OversizedObject } from "./batch-parser.ts";
import type { NeutralGit } from "./neutral.ts";

export type { GitObject, ObjectType, OversizedObject } from "./batch-parser.ts";

/** Keeps anything else, such as a second command behind a line break, out of the child's input. */
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** What the database answers for one id: undefined where it has no such object. */
type Take = (object: GitObject | OversizedObject | undefined, place: number) => void;

/** Some ids that were asked for together, and how many of them are answered. */
interface Waiting {
  readonly ids: readonly string[];
  answered: number;
  readonly take: Take;
  readonly resolve: () => void;
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
  private readonly env: NeutralGit["env"];
  /** Started when something is first asked for: starting it takes longer than reading some thousand objects. */
  private child: ChildProcessWithoutNullStreams | undefined;
  private readonly queue: Waiting[] = [];
  private head = 0;
  private pending: (readonly string[])[] = [];
  private failure: Error | undefined;
  private readonly parser: BatchParser;

  constructor(git: NeutralGit["env"]) {
    this.env = git;
    this.parser = new BatchParser((object) => this.answer(object));
  }

  /** The object, or undefined where the database has none of that id. */
  async get(id: string): Promise<GitObject | undefined> {
    const [object] = await this.getAll([id]);
    return object;
  }

  /** All of them, in the order asked for. Rejects where one is over the limit of its type. */
  async getAll(ids: readonly string[]): Promise<(GitObject | undefined)[]> {
    const found = new Array<GitObject | undefined>(ids.length);
    let oversized: OversizedObject | undefined;
    await this.each(ids, (object, place) => {
      if (object && "oversized" in object) oversized ??= object;
      else found[place] = object;
    });
    if (oversized) throw new GitReadError(`${oversized.id} has ${oversized.oversized} bytes, over the limit`);
    return found;
  }

  /**
   * Hands over each object as soon as it is here, in the order asked for, so that a million of them need no more memory
   * than one.
   */
  each(ids: readonly string[], take: Take): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    if (ids.length === 0) return Promise.resolve();
    if (!ids.every((id) => OBJECT_ID.test(id)))
      return Promise.reject(new GitReadError("was asked for something that is no object id"));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.queue.push({ ids, answered: 0, take, resolve, reject });
    this.pending.push(ids);
    if (this.pending.length === 1) queueMicrotask(() => this.flush());
    return promise;
  }

  [Symbol.dispose](): void {
    this.fail(new GitReadError("was closed"));
    this.child?.kill();
  }

  private flush(): void {
    const ids = this.pending.flat();
    this.pending = [];
    if (this.failure) return;
    this.child ??= this.start();
    this.child.stdin.write(`contents ${ids.join("\ncontents ")}\nflush\n`, "latin1");
  }

  private start(): ChildProcessWithoutNullStreams {
    const child = spawn("git", ["cat-file", "--batch-command", "--buffer"], {
      env: this.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk: Buffer) => this.feed(chunk));
    child.stderr.resume();
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.fail(new GitReadError(error.message)));
    child.on("close", () => this.fail(new GitReadError("ended before it answered")));
    return child;
  }

  private feed(chunk: Buffer): void {
    try {
      this.parser.push(chunk);
    } catch (error) {
      this.child?.kill();
      this.fail(error instanceof Error ? error : new GitReadError(String(error)));
    }
  }

  private answer(object: Answer): void {
    const waiting = this.queue[this.head];
    if (!waiting) throw new GitReadError("answered a question that nobody asked");
    const place = waiting.answered++;
    const asked = waiting.ids[place]!;
    if (!("missing" in object) && object.id !== asked)
      throw new GitReadError(`was asked for ${asked} and answered ${object.id}`);
    waiting.take("missing" in object ? undefined : object, place);
    if (waiting.answered < waiting.ids.length) return;
    waiting.resolve();
    this.head++;
    // Whoever waited holds all its ids: they go soon, and the list moves no more often than it halves.
    if (this.head > 64 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const waiting of this.queue.splice(0).slice(this.head)) waiting.reject(this.failure);
    this.head = 0;
  }
}
