/**
 * A change as Git's own diff, line by line, made visible and coloured here: colours that Git put in could not be told
 * from those that a file brings along. Lines are broken into rows that fit the screen, and a change of white space alone
 * is said to be one. Memory is bounded however long a line is.
 */
import { spawn } from "node:child_process";
import { ProcessError } from "../process/run.ts";
import type { ReadChange } from "./read-change.ts";
import { Rows } from "./rows.ts";
import { SpaceChanges } from "./space-changes.ts";

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
  /** Of the screen. */
  readonly columns: number;
  /** Whether it is shown in an editor, which takes some lines for its settings. */
  readonly forEditor?: boolean | undefined;
}

/** Lines around what differs: all of them. */
const WHOLE = "--unified=2147483647";
/** Of a file's header, what tells no more than its name and ids. A change of mode is told, and what Git does not show. */
const NAMING = /^(?:diff --git|index|---|\+\+\+|new file mode) /;

/** Text with line ends. Throws `ProcessError` where Git did not come to the end: then it is not all of it. */
export async function* diffText(
  change: ReadChange,
  paint: Paint,
  shown: DiffShown = { whole: false, unnamed: false, columns: 100 },
): AsyncGenerator<string> {
  const painter = new DiffPainter(paint, shown);
  for await (const pieces of diffPieces(change, shown.whole ? [WHOLE] : [])) {
    yield pieces.map((piece) => painter.piece(piece)).join("");
  }
  yield painter.end();
}

export interface Piece {
  readonly bytes: Buffer;
  /** Whether the line ends with it. */
  readonly ends: boolean;
}

/** What Git says, with `how` as further options. Throws as `diffText`. */
export async function* diffPieces(change: ReadChange, how: readonly string[]): AsyncGenerator<Piece[]> {
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
export class DiffPainter {
  readonly #paint: Paint;
  readonly #shown: DiffShown;
  #inHunk = false;
  #rows: Rows | undefined;
  #style: DiffStyle | undefined;
  #isHidden = false;
  #spaces = new SpaceChanges();

  constructor(paint: Paint, shown: DiffShown) {
    this.#paint = paint;
    this.#shown = shown;
  }

  /** Rows with line ends. */
  piece({ bytes, ends }: Piece): string {
    const isFirst = this.#rows === undefined;
    this.#rows ??= this.#begin(bytes);
    const content = this.#inHunk || !ends ? bytes : withoutNameEnd(bytes);
    const rows = this.#rows.feed(content, ends);
    if (ends) this.#rows = undefined;
    const note = this.#inHunk ? this.#spaces.feed(bytes, isFirst, ends) : this.#spaces.over();
    const told = this.#noted(note);
    return this.#isHidden ? told : told + rows.map((row) => `${this.#painted(row)}\n`).join("");
  }

  /** What is left to say. */
  end(): string {
    return this.#noted(this.#spaces.over());
  }

  #noted(note: string | undefined): string {
    if (note === undefined) return "";
    return `${new Rows(this.#shown.columns, false).feed(Buffer.from(note), true).join("\n")}\n`;
  }

  #begin(bytes: Buffer): Rows {
    const line = bytes.toString("latin1", 0, LONGEST_HEAD);
    this.#style = this.#styleOf(line);
    this.#isHidden = this.#shown.unnamed && !this.#inHunk && NAMING.test(line);
    return new Rows(this.#shown.columns, this.#inHunk, this.#shown.forEditor);
  }

  #painted(row: string): string {
    return this.#style && row !== "" ? this.#paint(this.#style, row) : row;
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

/** Bytes that tell what a line is. */
const LONGEST_HEAD = 32;

/** Git ends a name that has spaces with a tab; one that a name ends with is quoted. */
function withoutNameEnd(bytes: Buffer): Buffer {
  const isName = /^(?:---|\+\+\+) .*\t$/s.test(bytes.toString("latin1"));
  return isName ? bytes.subarray(0, -1) : bytes;
}
