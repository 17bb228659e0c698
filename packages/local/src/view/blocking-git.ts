/**
 * Objects from one `git cat-file --batch-command` child, asked and answered without an event loop: whoever answers the
 * kernel cannot do anything else meanwhile. A pair of FIFOs, since the pipes that Node.js makes do not block.
 *
 * Claims: an answer is the answer to what was asked, and whole. A child that ends, or answers something else, is an
 * error for who asked; the next question starts another.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ObjectId } from "@firstmile/formats/git/object-id";

/** The database has no such blob, or cannot be asked. */
export class BlobError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "BlobError";
  }
}

export interface BlockingGitOptions {
  /** Absolute path of Git: a search could lead into the mount that waits for this very answer. */
  readonly git: string;
  readonly mkfifo: string;
  /** See `neutralGit`. */
  readonly env: NodeJS.ProcessEnv;
  /** An empty directory for the FIFOs. */
  readonly dir: string;
}

/** Questions sent before their answers are read: they must fit a pipe, or both sides would wait. */
const AHEAD = 500;
const HEADER = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d{1,12})$/;

export class BlockingGit implements Disposable {
  private readonly options: BlockingGitOptions;
  private channel: Channel | undefined;

  constructor(options: BlockingGitOptions) {
    this.options = options;
  }

  /** Sizes in bytes; undefined where there is no such blob. Throws `BlobError`. */
  sizes(ids: readonly ObjectId[]): (number | undefined)[] {
    return this.attempt((channel) => {
      const sizes: (number | undefined)[] = [];
      let asked = 0;
      const ask = () => {
        const part = ids.slice(asked, asked + AHEAD);
        asked += part.length;
        if (part.length > 0) channel.write(`info ${part.join("\ninfo ")}\nflush\n`);
      };
      ask();
      while (sizes.length < ids.length) {
        // While one half is read, Git finds the other.
        if (sizes.length === asked - Math.min(AHEAD, asked)) ask();
        sizes.push(sizeIn(channel.line(), ids[sizes.length]!));
      }
      return sizes;
    });
  }

  /** The content of a blob that has this size, which is not hashed here. Throws `BlobError`. */
  content(id: ObjectId, size: number): Buffer {
    return this.attempt((channel) => {
      channel.write(`contents ${id}\nflush\n`);
      const found = sizeIn(channel.line(), id);
      if (found === undefined) throw new BlobError(`blob ${id} is not in the repository`);
      if (found !== size) throw new BlobError(`blob ${id} has ${found} bytes, and had ${size}`);
      return channel.take(size + 1).subarray(0, size);
    });
  }

  [Symbol.dispose](): void {
    this.channel?.close();
    this.channel = undefined;
  }

  private attempt<T>(ask: (channel: Channel) => T): T {
    try {
      this.channel ??= new Channel(this.options);
      return ask(this.channel);
    } catch (error) {
      // What it says next may belong to this question.
      this[Symbol.dispose]();
      throw error instanceof BlobError ? error : new BlobError(`git cannot be asked: ${String(error)}`);
    }
  }
}

function sizeIn(line: string, id: ObjectId): number | undefined {
  if (line === `${id} missing`) return undefined;
  const match = HEADER.exec(line);
  if (match?.[1] !== id) throw new BlobError(`git cat-file: unexpected answer for ${id}`);
  return match[2] === "blob" ? Number(match[3]) : undefined;
}

const MAX_LINE = 256;

class Channel {
  private readonly child: ChildProcess;
  private readonly input: number;
  private readonly output: number;
  private readonly buffer = Buffer.allocUnsafe(1 << 18);
  private start = 0;
  private end = 0;

  constructor({ git, mkfifo, env, dir }: BlockingGitOptions) {
    const questions = fifo(mkfifo, join(dir, "questions"));
    const answers = fifo(mkfifo, join(dir, "answers"));
    this.input = questions.writing;
    this.output = answers.reading;
    this.child = spawn(git, ["cat-file", "--batch-command", "--buffer"], {
      env,
      cwd: "/",
      stdio: [questions.reading, answers.writing, "ignore"],
    });
    this.child.on("error", () => {});
    this.child.unref();
    // Only the child has these now: when it ends, reading ends.
    closeSync(questions.reading);
    closeSync(answers.writing);
  }

  write(text: string): void {
    try {
      writeSync(this.input, text, null, "latin1");
    } catch {
      throw new BlobError("git cat-file ended");
    }
  }

  line(): string {
    for (;;) {
      const at = this.buffer.subarray(this.start, this.end).indexOf(10);
      if (at >= 0) {
        const line = this.buffer.toString("latin1", this.start, this.start + at);
        this.start += at + 1;
        return line;
      }
      if (this.end - this.start > MAX_LINE) throw new BlobError("git cat-file: a line that does not end");
      this.more();
    }
  }

  take(count: number): Buffer {
    const taken = Buffer.allocUnsafeSlow(count);
    let have = this.buffer.copy(taken, 0, this.start, Math.min(this.end, this.start + count));
    this.start += have;
    while (have < count) have += this.read(taken, have, count - have);
    return taken;
  }

  close(): void {
    this.child.kill("SIGKILL");
    closeSync(this.input);
    closeSync(this.output);
  }

  private more(): void {
    this.buffer.copy(this.buffer, 0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    this.end += this.read(this.buffer, this.end, this.buffer.length - this.end);
  }

  private read(into: Buffer, at: number, count: number): number {
    const got = readSync(this.output, into, at, count, null);
    if (got === 0) throw new BlobError("git cat-file ended before it answered");
    return got;
  }
}

/** Both ends, opened so that neither waits for the other; the name is gone again. */
function fifo(mkfifo: string, path: string): { reading: number; writing: number } {
  const made = spawnSync(mkfifo, ["-m", "600", path], { stdio: "ignore", cwd: "/" });
  if (made.status !== 0) throw new BlobError(`mkfifo ${path} failed`);
  const keeper = openSync(path, "r+");
  const reading = openSync(path, "r");
  const writing = openSync(path, "w");
  closeSync(keeper);
  rmSync(path);
  return { reading, writing };
}
