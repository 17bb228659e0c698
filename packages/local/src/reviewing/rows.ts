/**
 * A line of a diff as rows that fit the screen.
 *
 * Claims: no row is wider than told, so that no pager cuts it off or breaks it anew; each row but a line's first begins
 * with a sign that no line begins with; no row ends in a blank. So rows put together again give the line, and a
 * reader can tell where it ends. Against: a line whose second row looks like a line of its own. Leaves out: windows
 * that are made narrower while they show it.
 */
import { isMark } from "@firstmile/formats/bytes/seen";
import { Speller, type SpellingStyle } from "@firstmile/formats/bytes/speller";
import { styleOfLines } from "./visible.ts";

/** Before what is left of a line. */
export const CONTINUED = "↳";
const NARROWEST = 20;
const FIRST_MARK = "\u0300";
/** Blanks, and words of ASCII with single spaces: spelled as it is where the blanks are not too many. */
const PLAIN = /^(?:( *)[!-[\]-~]+(?: [!-[\]-~]+)*)?$/;

/** Cells of a row: one is left free, where some terminals wait before they break. */
export function cellsOf(columns: number): number {
  return Math.max(NARROWEST, columns) - 1;
}

/** Breaks what can be seen already, wherever a row is full. */
class RowBreaker {
  readonly #cells: number;
  /** Of the row that is not full yet: characters with their marks, and how many cells each may take. */
  #units: string[] = [];
  #widths: number[] = [];
  #width: number;
  #head: string;

  /** `head`: what the first row begins with. */
  constructor(cells: number, head: string) {
    this.#cells = cells;
    this.#head = head;
    this.#width = head.length;
  }

  /** Rows that are full by now are added to `rows`. */
  add(text: string, rows: string[]): void {
    for (const char of text) this.#add(char, rows);
  }

  /** The last row. */
  end(): string {
    return this.#head + this.#units.join("");
  }

  #add(char: string, rows: string[]): void {
    const width = widestOf(char);
    if (char >= FIRST_MARK && isMark(char) && this.#units.length > 0) {
      this.#units.push(this.#units.pop()! + char);
      this.#widths.push(this.#widths.pop()! + width);
    } else {
      if (this.#width + width > this.#cells) this.#break(rows);
      this.#units.push(char);
      this.#widths.push(width);
    }
    this.#width += width;
    if (this.#width > this.#cells) this.#break(rows, 1);
  }

  /** Ends the row before its last `least` units, and before the blanks that it would end with. */
  #break(rows: string[], least = 0): void {
    let at = this.#units.length - least;
    while (at > 0 && this.#units[at - 1] === " ") at--;
    rows.push(this.#head + this.#units.slice(0, at).join(""));
    this.#units = this.#units.slice(at);
    this.#widths = this.#widths.slice(at);
    this.#head = CONTINUED;
    this.#width = this.#widths.reduce((sum, width) => sum + width, CONTINUED.length);
  }
}

/** Text of one line that can be seen already, in rows that fit the screen. */
export function fitted(text: string, columns: number): string {
  const rows: string[] = [];
  const breaker = new RowBreaker(cellsOf(columns), "");
  breaker.add(text, rows);
  return [...rows, breaker.end()].join("\n");
}

/** One line of bytes, in as many pieces as it comes in. */
export class Rows {
  readonly #cells: number;
  readonly #style: SpellingStyle;
  readonly #speller: Speller;
  readonly #hasSign: boolean;
  #breaker: RowBreaker | undefined;

  /** `hasSign`: the first byte says what becomes of the line; it does not belong to the content, also where it is a blank. */
  constructor(columns: number, hasSign: boolean, forEditor = false) {
    this.#cells = cellsOf(columns);
    this.#style = styleOfLines(this.#cells, forEditor);
    this.#speller = new Speller(this.#style);
    this.#hasSign = hasSign;
  }

  /** Rows that are full; with the line's end all of them, at least one. */
  feed(bytes: Buffer, ends: boolean): string[] {
    const isFirst = this.#breaker === undefined && (bytes.length > 0 || ends);
    if (isFirst && ends && this.#isPlain(bytes)) return [bytes.toString("latin1")];
    const sign = isFirst && this.#hasSign ? bytes.toString("latin1", 0, 1) : "";
    if (isFirst) this.#breaker = new RowBreaker(this.#cells, sign);
    const rows: string[] = [];
    this.#breaker?.add(this.#speller.feed(bytes.subarray(sign.length), ends), rows);
    return ends ? [...rows, this.#breaker!.end()] : rows;
  }

  #isPlain(bytes: Buffer): boolean {
    if (bytes.length > this.#cells || this.#style.forEditor) return false;
    const plain = PLAIN.exec(bytes.toString("latin1", this.#hasSign ? 1 : 0));
    return plain !== null && (plain[1] ?? "").length <= this.#style.mostBlanks;
  }
}

/** Cells that a character may take on any terminal; where terminals differ it counts as two. */
export function widestOf(char: string): number {
  const code = char.codePointAt(0)!;
  return code < 0x1100 || (code >= 0x1e00 && code < 0x2028) || (code >= 0x2190 && code < 0x2200) ? 1 : 2;
}
