/**
 * Names as they are shown: paths, refs, addresses, people, and whatever else others chose.
 *
 * Claims: a name stays on its line, and no part of it is unseen: control characters, line feeds, other kinds of space
 * and bytes that are not UTF-8 are spelled `\xNN` or `\u{…}` (speller.ts); other UTF-8 is shown as it is. Two names
 * that differ are shown differently. Against: a file whose name writes a verdict of its own.
 */
import { Speller, type SpellingStyle } from "./speller.ts";

/** Words of printable ASCII with one space between two; a backslash may begin a spelling. */
const AS_IT_IS = /^[!-[\]-~]+(?: [!-[\]-~]+)*$/;
const STYLE: SpellingStyle = { mostBlanks: 40, spellsFirstBlanks: true, rightToLeft: true };

/** A name in bytes. */
export function visibleName(bytes: Uint8Array): string {
  const ascii = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return AS_IT_IS.test(ascii) ? ascii : new Speller(STYLE).feed(bytes, true);
}

/** A name that was read as text already. */
export function visibleText(text: string): string {
  return AS_IT_IS.test(text) ? text : visibleName(Buffer.from(text));
}
