/** A child's output as it comes, in pieces that end with a line. For output too long to be collected first. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export class Lines {
  /** Exit code, when all pieces were taken; 255 where a signal ended it or it did not start. */
  code = 255;
  readonly #start: () => ChildProcessByStdio<Writable, Readable, null>;
  readonly #input: string;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input: string) {
    this.#start = () => spawn(command, args, { env, stdio: ["pipe", "pipe", "ignore"] });
    this.#input = input;
  }

  /** Whole lines with their ends, as Latin-1. A last line that does not end is not given out. */
  async *pieces(): AsyncGenerator<string> {
    // Not before somebody reads: what a child has written when it ends, and nobody listens to, Node.js throws away.
    const child = this.#start();
    const { promise: ended, resolve } = Promise.withResolvers<number>();
    child.on("error", () => resolve(255));
    child.on("close", (code) => resolve(code ?? 255));
    child.stdin.on("error", () => {});
    child.stdin.end(this.#input);
    let rest = "";
    try {
      for await (const chunk of child.stdout) {
        const text = rest + (chunk as Buffer).toString("latin1");
        const end = text.lastIndexOf("\n") + 1;
        rest = text.slice(end);
        if (end > 0) yield text.slice(0, end);
      }
      this.code = await ended;
    } finally {
      child.kill();
    }
  }
}
