/**
 * Ctrl-C while a change is read, asked about and signed: nothing is written after it. The first one lets what runs come
 * to its end, so that temporary files go; a second one ends the process at once.
 */

import { ProcessError } from "../../process/run.ts";

/** What a shell gives for a program that SIGINT ended. */
export const INTERRUPTED = 130;

export class Interrupted extends Error {}

function isBySigint(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error instanceof ProcessError && error.signal === "SIGINT") || isBySigint(error.cause);
}

export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #held = false;

  constructor() {
    process.on("SIGINT", this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Whether it is why something failed: a child may be gone before this process hears of the same Ctrl-C. */
  explains(error: unknown): boolean {
    return this.happened || isBySigint(error);
  }

  /** Throws `Interrupted` where it happened. */
  readonly check = (): void => {
    if (this.happened) throw new Interrupted();
  };

  /** The last moment at which it stops anything: what is being written is written whole. Throws as `check`. */
  readonly settle = (): void => {
    this.check();
    this.#held = true;
  };

  /** As if it had come: from whoever reads the keyboard instead of this process. */
  raise(): never {
    this.#controller.abort();
    throw new Interrupted();
  }

  /** A pager makes of Ctrl-C what it likes, and this process waits for it. */
  async withheld<T>(work: () => Promise<T>): Promise<T> {
    this.#held = true;
    try {
      return await work();
    } finally {
      this.#held = false;
    }
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#interrupt);
  }

  readonly #interrupt = (): void => {
    if (this.#held) return;
    if (this.happened) process.exit(INTERRUPTED);
    this.#controller.abort();
  };
}
