/**
 * What a terminal shows of a text, at its worst: cells with glyphs. What has no glyph leaves no trace, all kinds of
 * space are one blank, letters with marks look like the letter that has them built in, and colours are not looked at.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOUR = /\x1b\[[0-9;]*m/g;
const BLANK = /[\p{Zs}\u2800\u{1d159}\u{13441}-\u{13446}\u3164\uffa0]/u;
const NO_GLYPH = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Rows as they look on a screen of so many columns, whose pager goes on in the next row where one is full. */
export function looksLike(text: string, columns: number): string[] {
  return text
    .replace(COLOUR, "")
    .replace(/\n$/, "")
    .split("\n")
    .flatMap((line) => rowsOf(line, columns));
}

function rowsOf(line: string, columns: number): string[] {
  const rows: string[][] = [[]];
  const put = (glyph: string, width: number) => {
    if (rows.at(-1)!.length + width > columns) rows.push([]);
    rows.at(-1)!.push(glyph, ...new Array(width - 1).fill(""));
  };
  for (const char of line) {
    const row = rows.at(-1)!;
    if (char === "\t")
      do put(" ", 1);
      while (rows.at(-1)!.length % 8 !== 0);
    else if (BLANK.test(char)) put(" ", WIDE.test(char) ? 2 : 1);
    else if (NO_GLYPH.test(char)) continue;
    else if (/\p{M}/u.test(char) && row.length > 0) {
      const at = row.findLastIndex((cell) => cell !== "");
      row[at] += char;
    } else put(char, WIDE.test(char) ? 2 : 1);
  }
  return rows.map((row) => row.join("").normalize("NFC").replace(/ +$/, ""));
}

export interface ReadLine {
  readonly sign: string;
  /** Latin-1. */
  readonly content: string;
  readonly endsFile: boolean;
}

/** Lines of hunks as a reader tells them from rows. */
export function readBack(rows: readonly string[]): ReadLine[] {
  const lines: { sign: string; content: string; endsFile: boolean }[] = [];
  for (const line of joined(rows)) {
    if (line.startsWith("\\ No newline")) lines.at(-1)!.endsFile = true;
    if (line.startsWith("\\")) continue;
    lines.push({ sign: line.slice(0, 1), content: decoded(line.slice(1)), endsFile: false });
  }
  return lines;
}

/** Rows that go on in the next ones, behind the header of the hunk. */
function joined(rows: readonly string[]): string[] {
  const lines: string[] = [];
  for (const row of rows) {
    if (row.startsWith("↳")) lines.push(lines.pop()! + row.slice(1));
    else lines.push(row === "" ? " " : row);
  }
  return lines
    .slice(lines.findIndex((line) => line.startsWith("@@")) + 1)
    .filter((line) => !line.startsWith("@@"));
}

const SPELLING = /\\x([0-9a-f]{2})(?:\{(\d+)\})?|\\u\{([0-9a-f]+)\}(?:\{(\d+)\})?|⇥ {3}|./gsu;

function decoded(text: string): string {
  return text.replace(SPELLING, (all, byte, bytes = "1", code, codes = "1") => {
    if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16)).repeat(Number(bytes));
    if (code !== undefined)
      return utf8(String.fromCodePoint(Number.parseInt(code, 16))).repeat(Number(codes));
    return all.startsWith("⇥") ? "\t" : utf8(all);
  });
}

function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}
