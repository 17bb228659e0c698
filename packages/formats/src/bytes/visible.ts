/**
 * Names as they are shown: paths, refs, addresses, people, and whatever else others chose; and text with names in it.
 *
 * Claims: a name stays on its line, and no part of it is unseen: control characters, line feeds, other kinds of space
 * and bytes that are not UTF-8 are spelled `\xNN` or `\u{…}` (speller.ts); other UTF-8 is shown as it is. Two names
 * that differ are shown differently. Against: a file whose name writes a verdict of its own.
 */
import { Speller, type SpellingStyle } from "./speller.ts";

/** Words of printable ASCII with one space between two; a backslash may begin a spelling. */
const AS_IT_IS = /^[!-[\]-~]+(?: [!-[\]-~]+)*$/;
const STYLE: SpellingStyle = { mostBlanks: 40, spellsFirstBlanks: true, rightToLeft: true, marks: true };

/** A name in bytes. */
export function visibleName(bytes: Uint8Array): string {
  const ascii = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return AS_IT_IS.test(ascii) ? ascii : new Speller(STYLE).feed(bytes, true);
}

/** A name that was read as text already. */
export function visibleText(text: string): string {
  return AS_IT_IS.test(text) ? text : visibleName(Buffer.from(text));
}

/** What a terminal obeys, does not show, or takes for the end of a line. Joiners and styles of emoji stay. */
const UNSAFE =
  /(?! |\u200d|\ufe0f)[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}\u{13441}-\u{13446}]/gu;

/**
 * A message as one line that is safe to print: the names in it have been made visible, and stay as they are. Control
 * characters, line feeds and bidirectional marks that are left are spelled.
 */
export function harmlessText(message: string): string {
  return message.replace(UNSAFE, spelledCharacter);
}

/** The same for several lines of our own text: line feeds and tabs stay. */
export function harmlessLines(text: string): string {
  return text.replace(UNSAFE, (char) => (char === "\n" || char === "\t" ? char : spelledCharacter(char)));
}

/**
 * JSON text (RFC 8259) in which everything is seen: what a terminal would obey or hide is `\uNNNN`, other characters are
 * themselves. The values are the same.
 */
export function visibleJson(json: string): string {
  return json.replace(UNSAFE, (char) => {
    if (char === "\n") return char;
    const units = Array.from({ length: char.length }, (_, i) => char.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

function spelledCharacter(char: string): string {
  const code = char.codePointAt(0)!;
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
