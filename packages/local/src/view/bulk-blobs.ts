/**
 * Many blobs asked for at once, whose contents Git writes into a file by itself: what has arrived there is read without
 * waiting for anybody, and without waking Git up for each. Whoever opens a view opens many files.
 *
 * Claims nothing of what it gives: where each content lies is worked out from the sizes that Git told, and whoever
 * uses it hashes it. What is not there, or not yet, is asked for one by one.
 */
import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectId } from "@firstmile/formats/git/object-id";

export interface BulkOptions {
  /** Absolute path of Git. */
  readonly git: string;
  /** See `neutralGit`. */
  readonly env: NodeJS.ProcessEnv;
}

export interface BulkBlob {
  readonly node: number;
  readonly id: ObjectId;
  /** NaN: there is none, and none is asked for. */
  readonly size: number;
}

/** Bytes of one blob, and of all: what Git is to read without anybody having asked for it. */
const MAX_SIZE = 256 << 10;
const MAX_TOTAL = 128 << 20;

export class BulkBlobs {
  private readonly file: number;
  /** Where the contents of nodes lie. */
  private readonly offsets = new Map<number, number>();
  private arrived = 0;

  /** Starts Git on the first ones that are small enough. */
  constructor({ git, env }: BulkOptions, blobs: Iterable<BulkBlob>) {
    this.file = unnamed();
    const questions = unnamed();
    writeAll(questions, Buffer.from(this.plan(blobs).join(""), "latin1"));
    const args = ["cat-file", "--batch-command", "--buffer"];
    const child = spawn(git, args, { env, cwd: "/", stdio: [questions, this.file, "ignore"] });
    child.on("error", () => {});
    child.unref();
    closeSync(questions);
  }

  /** The content as it is in the file; undefined where it is not there. */
  read(node: number, size: number): Buffer | undefined {
    const offset = this.offsets.get(node);
    if (offset === undefined || !this.has(offset + size)) return undefined;
    const content = Buffer.allocUnsafeSlow(size);
    return readSync(this.file, content, 0, size, offset) === size ? content : undefined;
  }

  private has(end: number): boolean {
    if (end > this.arrived) this.arrived = fstatSync(this.file).size;
    return end <= this.arrived;
  }

  /** What to ask. An answer is `ID blob SIZE`, a line feed, the content, and another line feed. */
  private plan(blobs: Iterable<BulkBlob>): string[] {
    const questions: string[] = [];
    let end = 0;
    for (const { node, id, size } of blobs) {
      if (!(size <= MAX_SIZE) || end > MAX_TOTAL) continue;
      const offset = end + `${id} blob ${size}\n`.length;
      this.offsets.set(node, offset);
      end = offset + size + 1;
      questions.push(`contents ${id}\n`);
    }
    return questions;
  }
}

/** By positions of its own: whoever reads the file begins at its start. */
function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
}

/** A temporary file that is gone with who has it open. On disk: what is kept in memory may be short. */
function unnamed(): number {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-view-blobs-"));
  try {
    return openSync(join(dir, "file"), "wx+", 0o600);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
