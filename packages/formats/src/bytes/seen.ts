/**
 * Which characters a person sees on a terminal, each as itself.
 *
 * Claims: `isSeen` is true only of a character that fills a cell with ink of its own, that moves no other character,
 * and that has no second spelling in Unicode (NFC). Against: a space of another kind, a filler, a joiner, a mark on the
 * letter before it, by which two texts look the same. Leaves out: letters that look like letters of another script.
 */

/**
 * Controls, formats, private and unassigned characters, all kinds of space, what a terminal may leave out, and what has
 * an empty glyph: a braille blank, a null notehead, Egyptian blanks. The replacement characters stand for others.
 */
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\ufffc\ufffd\u{1d159}\u{13441}-\u{13446}]/u;
/** Parts of Hangul syllables: several of them share one cell, as the whole syllable does. */
const JAMO = /[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u;
/** Blocks of letters and digits that run from right to left, and take their neighbours with them. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const MARK = /\p{M}/u;

/** Scripts that cannot be written without marks; their names in Unicode. */
const MARKED_SCRIPTS = [
  ...["Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam"],
  ...["Sinhala", "Thai", "Lao", "Hebrew", "Arabic", "Syriac", "Thaana"],
].map((script) => ({
  letter: new RegExp(`[\\p{L}&&\\p{Script=${script}}]`, "v"),
  mark: new RegExp(`[\\p{M}&&\\p{Script_Extensions=${script}}]`, "v"),
}));
/** More of them on one letter are drawn over each other. */
const MOST_MARKS = 3;

/** A text has few different characters, however long it is. */
const known = new Map<string, boolean>();
const MOST_KNOWN = 10_000;

/** Whether one character, that is not ASCII, is seen as itself wherever it is. Marks never are. */
export function isSeen(char: string): boolean {
  const before = known.get(char);
  if (before !== undefined) return before;
  if (known.size >= MOST_KNOWN) known.clear();
  const seen = !UNSEEN.test(char) && !MARK.test(char) && !JAMO.test(char) && char.normalize("NFC") === char;
  known.set(char, seen);
  return seen;
}

export function isMark(char: string): boolean {
  return MARK.test(char);
}

/** Whether a terminal may show it, and what is beside it, from right to left. */
export function runsRightToLeft(char: string): boolean {
  return RIGHT_TO_LEFT.test(char);
}

/**
 * Whether a mark is seen on what is before it: a letter of its own script, perhaps with marks that were seen. A few such
 * pairs look like one letter, so this is for names and not for code.
 *
 * @param cluster The letter and its marks; empty where something else is before it.
 */
export function isSeenOn(cluster: string, mark: string): boolean {
  const [letter, ...marks] = cluster;
  if (letter === undefined || marks.length >= MOST_MARKS || UNSEEN.test(mark)) return false;
  const both = cluster + mark;
  return (
    both.normalize("NFC") === both &&
    MARKED_SCRIPTS.some((script) => script.letter.test(letter) && script.mark.test(mark))
  );
}
