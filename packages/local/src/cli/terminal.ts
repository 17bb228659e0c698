/**
 * What a person sees. Results go to stdout, everything else to stderr. Colour and progress only on a terminal, and
 * never with NO_COLOR. Text from repositories is shown with control characters replaced, so that a commit message
 * cannot move the cursor or retitle the window: names where they are put into a message (`visibleText`), the message
 * where it is printed (`harmless`), and what is left of either at the last door.
 */
import { styleText } from "node:util";
import { harmlessLines, harmlessText, visibleJson } from "@firstmile/formats/bytes/visible";

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
    this.out.write(`${withoutControls(line)}\n`);
  }

  json(value: unknown): void {
    this.print(visibleJson(JSON.stringify(value, undefined, 2)));
  }

  /** A line beside the result: what is being done, a warning, an error. */
  say(line: string): void {
    this.clearProgress();
    this.err.write(`${withoutControls(line)}\n`);
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
    this.err.write(`\r\x1b[K${harmless(this.waiting).slice(0, (this.err.columns ?? 80) - 1)}`);
    this.progressShown = true;
  }
}

const QUIET_MS = 1000;

/** Colours as `style` makes them; others could hide what is between them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with one
const COLOURS = /(\x1b\[(?:1|2|22|31|32|33|36|39)m)/;

function withoutControls(line: string): string {
  return line
    .split(COLOURS)
    .map((part, i) => (i % 2 === 1 ? part : harmlessLines(part)))
    .join("");
}

/** Text of another person, safe to print, as one line: no word of it begins a line of its own. */
export const harmless = harmlessText;

/** Characters of a line that is shown or logged as one; a request's words can be a megabyte. */
const MAX_LINE = 2000;

/** The same of any length, cut. */
export function harmlessLine(text: string): string {
  return harmless(text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text);
}

/** Breaks text at spaces so that each line fits; later lines are indented. No line ends where the text has one do so. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.replaceAll("\n", "\\x0a").split(" ")) {
    if (line.length > 0 && line.length + 1 + word.length > Math.max(width - indent.length, 20)) {
      lines.push(line);
      line = word;
    } else {
      line = line.length > 0 ? `${line} ${word}` : word;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}
