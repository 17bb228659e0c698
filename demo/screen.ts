/**
 * What the demo tells while it runs: numbered steps, the commands as a person would type them, and the parts of
 * their output that matter. At most 80 columns. Colour and the line that counts seconds only on a terminal.
 */
import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

const WIDTH = 80;
const MARGIN = "     ";

export class Screen {
  private readonly silent: boolean;
  private readonly live: boolean;
  private readonly colours: boolean;
  private step = 0;
  private ticker: NodeJS.Timeout | undefined;

  /** `silent`: nothing is told, for a caller that wants JSON. */
  constructor(silent: boolean) {
    this.silent = silent;
    this.live = !silent && process.stdout.isTTY === true && process.env.TERM !== "dumb";
    this.colours = this.live && process.env.NO_COLOR === undefined;
  }

  style(style: Style, text: string): string {
    return this.colours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** A line as it is. */
  line(text = ""): void {
    this.clear();
    if (!this.silent) process.stdout.write(`${text}\n`);
  }

  /** The next numbered step. */
  begin(title: string): void {
    this.step++;
    this.line();
    for (const [i, line] of fold(title, WIDTH - MARGIN.length).entries()) {
      const number = i === 0 ? String(this.step).padStart(2) : "  ";
      this.line(this.style("bold", `${number}   ${line}`));
    }
  }

  /** Sentences below a step. */
  say(text: string): void {
    for (const line of fold(text, WIDTH - MARGIN.length)) this.line(`${MARGIN}${line}`);
  }

  /** Lines that a command printed. */
  output(text: string, style?: Style): void {
    const lines = shorten(text.trimEnd()).split("\n");
    for (const [i, long] of lines.entries()) {
      for (const line of fold(long, WIDTH - MARGIN.length - 2, below(long, lines[i + 1])))
        this.line(`${MARGIN}  ${style ? this.style(style, line) : line}`.trimEnd());
    }
  }

  /** Shows a command while `work` does it, with the seconds that it takes. */
  async command<T>(prompt: string, words: string, work: () => Promise<T>): Promise<T> {
    const [first, ...more] = fold(shorten(`${prompt}$ ${words}`), WIDTH - MARGIN.length - 9, "    ");
    const shown = first!.replace(`${prompt}$`, this.style("cyan", `${prompt}$`));
    const started = performance.now();
    const stopTicking = this.tick(() => `${MARGIN}${first!}  ${seconds(started)}`);
    try {
      return await work();
    } finally {
      stopTicking();
      const took = performance.now() - started < 1000 ? "" : seconds(started);
      const gap = " ".repeat(Math.max(1, WIDTH - MARGIN.length - first!.length - took.length));
      this.line(`${MARGIN}${shown}${took === "" ? "" : gap + this.style("dim", took)}`);
      for (const line of more) this.line(`${MARGIN}${line}`);
    }
  }

  /** A line that the next one replaces, on a terminal only. */
  private tick(text: () => string): () => void {
    if (!this.live) return () => {};
    const draw = () =>
      process.stdout.write(`\r\x1b[K${text().slice(0, (process.stdout.columns ?? WIDTH) - 1)}`);
    draw();
    this.ticker = setInterval(draw, 200);
    return () => this.clear();
  }

  private clear(): void {
    if (this.ticker === undefined) return;
    clearInterval(this.ticker);
    this.ticker = undefined;
    process.stdout.write("\r\x1b[K");
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** What stands before the rest of a long line: in a tree, the stem of what follows it. */
function below(line: string, next: string | undefined): string {
  const branch = /^([ │]*)[├└]─ /.exec(line);
  const stem = branch !== null && /[│├└]/.test(next?.[branch[0].length] ?? "");
  return stem ? "│   " : "    ";
}

/** Hashes are shown by their first characters, so that the rest can be read. */
function shorten(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/(\/nix\/store\/[0-9a-z]{7})[0-9a-z]{25}-/g, "$1…-")
    .replaceAll(/\b([0-9a-f]{12})[0-9a-f]{28}\b/g, "$1…")
    .replaceAll(/\b(sha256:[0-9a-z]{12})[0-9a-z]{40}\b/g, "$1…")
    .replaceAll(/\b((?:SHA256:|sha256-)[A-Za-z0-9+/]{12})[A-Za-z0-9+/]{31}=?/g, "$1…")
    .replaceAll(/\b(?<=with )([0-9A-F]{12})[0-9A-F]{28}\b/g, "$1…");
}

/** Breaks text at spaces; later lines begin where the first does, and with `indent` besides. */
export function fold(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  const margin = /^[ │├└─]*/.exec(text)![0];
  let line = margin;
  for (const word of text.slice(margin.length).split(" ")) {
    const longer = line === margin ? line + word : `${line} ${word}`;
    if (longer.length > width && line.trim() !== "") {
      lines.push(line);
      line = margin.replace("├─ ", "│  ").replace("└─ ", "   ") + indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Words as a shell takes them. */
export function commandLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
