/**
 * Objects by id, through one `git cat-file --batch-command` child. Requests are pipelined: ask for thousands at once and
 * the answers come in order, 40,000 and more a second. An object's bytes are as the database gives them; whoever
 * rests a verdict on one re-hashes it.
 *
 * Git dies of some damaged objects, and of others it gives less than it said, so that no answer behind it can be told
 * from content. Then the first object without an answer is asked for alone. Where that fails too, it counts as missing, and
 * all others are asked for again. So one damaged file ends no other question, and keeps no reader waiting.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import {
  type Answer,
  BatchFormatError,
  BatchParser,
  type GitObject,
  type OversizedObject,
} from "./batch-parser.ts";
import type { NeutralGit } from "./neutral.ts";

export type { GitObject, ObjectType, OversizedObject } from "./batch-parser.ts";

/** Keeps anything else, such as a second command behind a line break, out of the child's input. */
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** What the database answers for one id: undefined where it has no such object. */
type Take = (object: GitObject | OversizedObject | undefined, place: number) => void;

const BATCH = ["cat-file", "--batch-command", "--buffer"];
/** Damaged objects until the database itself counts as unreadable. */
const MAX_INTERRUPTIONS = 64;
/** A child that owes an answer and says nothing for so long is not waited for. */
const MAX_SILENCE_MS = 5000;
/** For one object, however large. */
const MAX_ALONE_MS = 60_000;

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
  private parser = this.newParser();
  private interruptions = 0;
  /** While one object is asked for alone. */
  private alone: ChildProcessWithoutNullStreams | undefined;
  private silence: NodeJS.Timeout | undefined;

  constructor(git: NeutralGit["env"]) {
    this.env = git;
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

  /** As `getAll`, but what is over its limit counts as missing, and the others are read. */
  async getReadable(ids: readonly string[]): Promise<(GitObject | undefined)[]> {
    const found = new Array<GitObject | undefined>(ids.length);
    await this.each(ids, (object, place) => {
      if (object && !("oversized" in object)) found[place] = object;
    });
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
    clearTimeout(this.silence);
    this.child?.kill();
    this.alone?.kill();
  }

  private flush(): void {
    const ids = this.pending.flat();
    this.pending = [];
    if (this.failure || this.alone) return;
    this.ask(ids);
  }

  private ask(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.child ??= this.start();
    this.child.stdin.write(question(ids), "latin1");
    this.silence ??= setTimeout(() => this.isSilent(), MAX_SILENCE_MS).unref();
    this.silence.refresh();
  }

  private newParser(): BatchParser {
    return new BatchParser((object) => this.answer(object));
  }

  private start(): ChildProcessWithoutNullStreams {
    const child = spawn("git", BATCH, { env: this.env, stdio: ["pipe", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => this.feed(child, chunk));
    child.stderr.resume();
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.fail(new GitReadError(error.message)));
    child.on("close", () => child === this.child && this.interrupted());
    return child;
  }

  private feed(child: ChildProcessWithoutNullStreams, chunk: Buffer): void {
    if (child !== this.child) return;
    this.silence?.refresh();
    try {
      this.parser.push(chunk);
    } catch (error) {
      if (error instanceof BatchFormatError) return this.interrupted();
      child.kill();
      this.fail(asError(error));
    }
  }

  private isSilent(): void {
    if (this.child && this.queue[this.head]) this.interrupted();
  }

  /** The child ended, or no sense can be made of what it says. */
  private interrupted(): void {
    const { child } = this;
    this.child = undefined;
    child?.kill();
    this.parser = this.newParser();
    const waiting = this.queue[this.head];
    if (this.failure || !waiting) return;
    if (++this.interruptions > MAX_INTERRUPTIONS)
      return this.fail(new GitReadError("ended before it answered"));
    this.askAlone(waiting.ids[waiting.answered]!);
  }

  private askAlone(id: string): void {
    const child = spawn("git", BATCH, { env: this.env, stdio: ["pipe", "pipe", "pipe"] });
    this.alone = child;
    let found: Answer = { missing: id };
    const parser = new BatchParser((answer) => {
      found = answer;
    });
    const limit = setTimeout(() => child.kill(), MAX_ALONE_MS);
    child.stdout.on("data", (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch {
        // What makes no sense here either counts as missing.
        child.kill();
      }
    });
    child.stderr.resume();
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.fail(new GitReadError(error.message)));
    child.on("close", () => {
      clearTimeout(limit);
      this.alone = undefined;
      // It was slow, and not damaged.
      if (!("missing" in found)) this.interruptions--;
      if (!this.failure) this.goOn("id" in found && found.id !== id ? { missing: id } : found);
    });
    child.stdin.end(question([id]), "latin1");
  }

  private goOn(answer: Answer): void {
    try {
      this.answer(answer);
    } catch (error) {
      return this.fail(asError(error));
    }
    this.pending = [];
    this.ask(this.queue.slice(this.head).flatMap(({ ids, answered }) => ids.slice(answered)));
  }

  private answer(object: Answer): void {
    const waiting = this.queue[this.head];
    if (!waiting) throw new BatchFormatError("answered a question that was not asked");
    const asked = waiting.ids[waiting.answered]!;
    if (!("missing" in object) && object.id !== asked)
      throw new BatchFormatError(`was asked for ${asked} and answered ${object.id}`);
    const place = waiting.answered++;
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

function question(ids: readonly string[]): string {
  return `contents ${ids.join("\ncontents ")}\nflush\n`;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new GitReadError(String(error));
}
