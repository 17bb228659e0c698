/**
 * What a person sees. Results go to stdout, everything else to stderr. Colour and progress only on a terminal, and
 * never with NO_COLOR. Text from repositories is shown with control characters replaced, so that a commit message
 * cannot move the cursor or retitle the window.
 */
import { styleText } from "node:util";

export interface Stream {
  write(text: string): void;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Style = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

export class Terminal {
  private readonly out: Stream;
  private readonly err: Stream;
  private readonly colours: boolean;
  private readonly columns: number;
  private progressShown = false;
  private waiting: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly started = performance.now();

  constructor(out: Stream, err: Stream, env: NodeJS.ProcessEnv) {
    this.out = out;
    this.err = err;
    this.columns = Number(env.COLUMNS) || 100;
    this.colours = out.isTTY === true && env.NO_COLOR === undefined && env.TERM !== "dumb";
  }

  /** Columns of the terminal; where there is none those that COLUMNS names, or 100. */
  get width(): number {
    return this.out.columns ?? this.columns;
  }

  style(style: Style, text: string): string {
    return this.colours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** A line of the result. */
  print(line = ""): void {
    this.clearProgress();
    this.out.write(`${line}\n`);
  }

  json(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2));
  }

  /** A line beside the result: what is being done, a warning, an error. */
  say(line: string): void {
    this.clearProgress();
    this.err.write(`${line}\n`);
  }

  /** One line that is replaced by the next, on a terminal; what is over within the first second is not shown. */
  progress(text: string): void {
    if (this.err.isTTY !== true) return;
    this.waiting = text;
    const left = QUIET_MS - (performance.now() - this.started);
    if (left <= 0) this.showProgress();
    else this.timer ??= setTimeout(() => this.showProgress(), left).unref();
  }

  clearProgress(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = undefined;
    if (this.progressShown) this.err.write("\r\x1b[K");
    this.progressShown = false;
  }

  private showProgress(): void {
    if (this.waiting === undefined) return;
    this.err.write(`\r\x1b[K${this.waiting.slice(0, (this.err.columns ?? 80) - 1)}`);
    this.progressShown = true;
  }
}

const QUIET_MS = 1000;

/**
 * Text of another person, safe to print: control characters become `\xNN`, other line ends and bidirectional marks
 * `\u{…}`. Tabs and line feeds stay.
 */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const unsafe = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return text.replace(unsafe, escaped);
}

/** Characters of a line that is shown or logged as one; a request's words can be a megabyte. */
const MAX_LINE = 2000;

/** The same as one line: tabs and line feeds become `\xNN` too, so that no word of a request begins a line of its own. */
export function harmlessLine(text: string): string {
  const cut = text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
  return harmless(cut).replace(/[\t\n]/g, escaped);
}

function escaped(char: string): string {
  const code = char.codePointAt(0)!;
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Breaks text at spaces so that each line fits; later lines are indented. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.length > 0 && line.length + 1 + word.length > Math.max(width - indent.length, 20)) {
      lines.push(line);
      line = word;
    } else {
      line = line.length > 0 ? `${line} ${word}` : word;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}
