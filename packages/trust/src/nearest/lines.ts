/** A file as lines, and lines of several files as numbers: equal where the bytes are, line ends included. */
import { latin1 } from "@firstmile/formats/bytes/text";

const NEWLINE = 0x0a;

export class Lines {
  readonly content: Uint8Array;
  /** Where each line begins, and behind the last one where the file ends. */
  readonly #starts: Uint32Array;

  constructor(content: Uint8Array) {
    this.content = content;
    this.#starts = startsOf(content);
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  /** The bytes of a line with its line end; only the last one may have none. Counted from 0. */
  at(line: number): Uint8Array {
    return this.content.subarray(this.#starts[line], this.#starts[line + 1]);
  }

  /** Bytes of some lines. */
  bytes(from: number, to: number): number {
    return this.#starts[to]! - this.#starts[from]!;
  }
}

function startsOf(content: Uint8Array): Uint32Array {
  let lines = 0;
  for (const byte of content) if (byte === NEWLINE) lines++;
  const endsOpen = content.length > 0 && content.at(-1) !== NEWLINE;
  const starts = new Uint32Array(lines + (endsOpen ? 2 : 1));
  let line = 0;
  for (let i = 0; i < content.length; i++) if (content[i] === NEWLINE) starts[++line] = i + 1;
  if (endsOpen) starts[++line] = content.length;
  return starts;
}

/** Gives equal lines one number, whichever of the files they are in. */
export class LineNumbers {
  readonly #known = new Map<string, number>();

  of(lines: Lines): Int32Array {
    return Int32Array.from({ length: lines.count }, (_, line) => this.#numberOf(lines.at(line)));
  }

  #numberOf(line: Uint8Array): number {
    const text = latin1(line);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#known.size);
    return this.#known.size - 1;
  }
}
