/** Looks for lines of a change that no screen shows in one row, before it is shown. */
import { diffPieces } from "./diff-text.ts";
import { countCharacters, type LongLine } from "./measure.ts";
import type { ReadChange } from "./read-change.ts";

export interface LongestShown extends LongLine {
  /** As Git names it: quoted where it must be. */
  readonly file: string;
  /** Whether the line is one that goes. */
  readonly isGone: boolean;
}

/** The first of the longest lines that go or come; undefined: none does. Throws `ProcessError`. */
export async function longestShown(change: ReadChange): Promise<LongestShown | undefined> {
  const search = new Search();
  for await (const pieces of diffPieces(change, ["--unified=0"]))
    for (const { bytes, ends } of pieces) search.piece(bytes, ends);
  return search.longest;
}

class Search {
  longest: LongestShown | undefined;
  #inHunk = false;
  #names: [before: string, after: string] = ["", ""];
  #lines: [before: number, after: number] = [0, 0];
  #sign = "";
  #characters = 0;
  #isBegun = false;

  piece(bytes: Buffer, ends: boolean): void {
    if (!this.#isBegun) this.#begin(bytes);
    this.#characters += countCharacters(bytes);
    this.#isBegun = !ends;
    if (ends && this.#inHunk && (this.#sign === "-" || this.#sign === "+")) this.#counted();
  }

  #begin(bytes: Buffer): void {
    const head = bytes.toString("utf8", 0, 8192);
    this.#characters = 0;
    this.#sign = head.slice(0, 1);
    if (head.startsWith("diff --git ")) this.#inHunk = false;
    else if (this.#sign === "@") {
      const [, before, after] = /^@@ -(\d+)\S* \+(\d+)/.exec(head) ?? [];
      this.#lines = [Number(before), Number(after)];
      this.#inHunk = true;
    } else if (!this.#inHunk && head.startsWith("--- ")) this.#names[0] = nameIn(head);
    else if (!this.#inHunk && head.startsWith("+++ ")) this.#names[1] = nameIn(head);
  }

  #counted(): void {
    const side = this.#sign === "-" ? 0 : 1;
    const line = this.#lines[side]++;
    const characters = this.#characters - 1;
    if (characters <= (this.longest?.characters ?? 0)) return;
    this.longest = { file: this.#names[side]!, line, characters, isGone: side === 0 };
  }
}

/** `a.nix` of `+++ b/a.nix`. */
function nameIn(head: string): string {
  return head
    .slice(4)
    .replace(/\t$/, "")
    .replace(/^("?)[ab]\//, "$1");
}
