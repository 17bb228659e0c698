/**
 * Lines of files as a reader can trust them.
 *
 * Claims: whatever is in the bytes and would not be seen, or would move, colour or reorder other text, is spelled: all
 * white space but spaces within a line, control characters, bytes that are not UTF-8, joiners, fillers, marks on
 * letters, letters that run from right to left. Two lines that differ never look the same.
 * Against: code that a reader cannot see, or sees in another order than the evaluator. Leaves out: letters that look
 * like letters of another script.
 */
import { Speller, type SpellingStyle } from "@firstmile/formats/bytes/speller";

/** A tab between other characters, on terminals whose tab stops are not known. */
const SHOWN_TAB = "⇥   ";
const MOST_BLANKS = 40;

/** How lines are spelled where blanks behind each other must not fill a row of so many cells. */
export function styleOfLines(columns = Number.POSITIVE_INFINITY, forEditor = false): SpellingStyle {
  const mostBlanks = Math.min(MOST_BLANKS, Math.floor(columns / 2) - SHOWN_TAB.length);
  return {
    tab: SHOWN_TAB,
    mostBlanks,
    spellsFirstBlanks: false,
    rightToLeft: false,
    marks: false,
    forEditor,
  };
}

/** Most lines of most files: words of ASCII with single spaces, and some before the first. */
const PLAIN = /^(?: {0,40}[!-[\]-~]+(?: [!-[\]-~]+)*)?$/;
const STYLE = styleOfLines();

/** One line, or a part of one. */
export function visible(bytes: Uint8Array): string {
  const ascii = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return PLAIN.test(ascii) ? ascii : new Speller(STYLE).feed(bytes, true);
}
