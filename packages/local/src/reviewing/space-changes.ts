/**
 * Tells where lines that go and lines that come differ in spaces and tabs alone, which a reader may look for in vain.
 *
 * Claims: says so only of lines that are the same, one by one, once spaces and tabs are taken away. Leaves out: moved
 * line breaks; by them code can come out of a comment.
 */
import { createHash, type Hash } from "node:crypto";
import { withoutBlanks } from "@firstmile/trust/nearest/ladder";

/** Lines of one place that are compared; of more nothing is said. */
const MOST_LINES = 10_000;

export class SpaceChanges {
  #gone: string[] = [];
  #come: string[] = [];
  #line: { readonly sign: string; readonly hash: Hash } | undefined;
  #lacksLineEnd = false;

  /** Takes a line of a hunk, in pieces. A note on what is over by it, if there is one to make. */
  feed(bytes: Buffer, isFirst: boolean, ends: boolean): string | undefined {
    const note = isFirst ? this.#begin(bytes.toString("latin1", 0, 1)) : undefined;
    this.#line?.hash.update(withoutBlanks(isFirst ? bytes.subarray(1) : bytes));
    if (ends && this.#line) {
      const { sign, hash } = this.#line;
      (sign === "-" ? this.#gone : this.#come).push(hash.digest("base64"));
      this.#line = undefined;
    }
    return note;
  }

  #begin(sign: string): string | undefined {
    if (sign === "\\") {
      this.#lacksLineEnd = true;
      return undefined;
    }
    const isOver = sign === "-" ? this.#come.length > 0 : sign !== "+";
    const note = isOver ? this.over() : undefined;
    const isCounted = sign === "-" || sign === "+";
    if (isCounted && this.#gone.length + this.#come.length < 2 * MOST_LINES)
      this.#line = { sign, hash: createHash("sha256") };
    return note;
  }

  /** What there is to say at the end of a place. */
  over(): string | undefined {
    const [gone, come, lacks] = [this.#gone, this.#come, this.#lacksLineEnd];
    this.#gone = [];
    this.#come = [];
    this.#lacksLineEnd = false;
    if (lacks || gone.length !== come.length || gone.length > MOST_LINES) return undefined;
    const same = gone.filter((line, i) => line === come[i]).length;
    if (same === 0) return undefined;
    if (gone.length === 1) return "\\ the line differs in white space alone";
    const which = same === gone.length ? `these ${same}` : `${same} of these ${gone.length}`;
    return `\\ ${which} lines differ in white space alone`;
  }
}
