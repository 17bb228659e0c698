/**
 * A change as Git's own diff, line by line, made visible and coloured here: colours that Git put in could not be told
 * from those that a file brings along. Memory is bounded however long a line is.
 */
import { spawn } from "node:child_process";
import { ProcessError } from "../process/run.ts";
import type { ReadChange } from "./read-change.ts";
import { visible } from "./visible.ts";

export type DiffStyle = "bold" | "green" | "red" | "cyan";
export type Paint = (style: DiffStyle, text: string) => string;

/** A longer line is cut into pieces of this many bytes, behind each other on one line. */
const MAX_PIECE = 1 << 16;
const NEWLINE = 0x0a;

export interface DiffShown {
  /** Whether all of the file is shown around what differs. */
  readonly whole: boolean;
  /** Whether the lines that name a file are left away: somebody else has named it. */
  readonly unnamed: boolean;
}

/** Lines around what differs: all of them. */
const WHOLE = "--unified=2147483647";
/** Of a file's header, what tells no more than its name and ids. A change of mode is told, and what Git does not show. */
const NAMING = /^(?:diff --git|index|---|\+\+\+|new file mode) /;

/** Text with line ends. Throws `ProcessError` where Git did not come to the end: then it is not all of it. */
export async function* diffText(
  change: ReadChange,
  paint: Paint,
  { whole, unnamed }: DiffShown = { whole: false, unnamed: false },
): AsyncGenerator<string> {
  const painter = new DiffPainter(paint, unnamed);
  for await (const pieces of output(change, whole ? [WHOLE] : [])) {
    yield pieces.map(({ bytes, ends }) => painter.piece(bytes, ends)).join("");
  }
}

interface Piece {
  readonly bytes: Buffer;
  /** Whether the line ends with it. */
  readonly ends: boolean;
}

async function* output(change: ReadChange, how: readonly string[]): AsyncGenerator<Piece[]> {
  const child = spawn("git", change.diffArgs("--patch", ...how), {
    env: change.env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { promise: ended, resolve } = Promise.withResolvers<number | null>();
  child.on("error", () => resolve(255)).on("close", resolve);
  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of child.stdout) {
      const cut = piecesOf(Buffer.concat([rest, chunk as Buffer]));
      rest = cut.rest;
      if (cut.pieces.length > 0) yield cut.pieces;
    }
    if (rest.length > 0) yield [{ bytes: rest, ends: true }];
    const code = await ended;
    if (code !== 0) throw new ProcessError("git diff-tree", `ended with ${code ?? "a signal"}`);
  } finally {
    child.kill();
  }
}

function piecesOf(bytes: Buffer): { pieces: Piece[]; rest: Buffer } {
  const pieces: Piece[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0 && bytes.length - at < MAX_PIECE) return { pieces, rest: bytes.subarray(at) };
    const ends = end >= 0 && end - at <= MAX_PIECE;
    const until = ends ? end : at + MAX_PIECE;
    pieces.push({ bytes: bytes.subarray(at, until), ends });
    at = ends ? until + 1 : until;
  }
}

/** Knows headers from content by where they stand: every line of a hunk opens with a space, `+`, `-` or `\`. */
class DiffPainter {
  readonly #paint: Paint;
  #inHunk = false;
  #begun = false;
  #style: DiffStyle | undefined;
  #isHidden = false;
  readonly #unnamed: boolean;

  constructor(paint: Paint, unnamed: boolean) {
    this.#paint = paint;
    this.#unnamed = unnamed;
  }

  piece(bytes: Buffer, ends: boolean): string {
    const text = visible(bytes);
    if (!this.#begun) {
      this.#style = this.#styleOf(text);
      this.#isHidden = this.#unnamed && !this.#inHunk && NAMING.test(text);
    }
    this.#begun = !ends;
    if (this.#isHidden) return "";
    const painted = this.#style && text !== "" ? this.#paint(this.#style, text) : text;
    return ends ? `${painted}\n` : painted;
  }

  #styleOf(line: string): DiffStyle | undefined {
    if (line.startsWith("diff --git ")) this.#inHunk = false;
    else if (line.startsWith("@@ ")) this.#inHunk = true;
    if (!this.#inHunk) return "bold";
    if (line.startsWith("@@")) return "cyan";
    if (line.startsWith("+")) return "green";
    return line.startsWith("-") ? "red" : undefined;
  }
}
