/**
 * Bytes as text in which every byte can be seen, and from which the bytes can be told again.
 *
 * Claims: two different lines of bytes never give the same text, nor texts that look the same. What is not seen as
 * itself is spelled `\xNN` (a byte) or `\u{…}` (a character of UTF-8 beyond ASCII), and `{5000}` behind that says how
 * often it is there. A backslash that would begin such a spelling is spelled itself, and so is a brace behind one.
 * Against: code that a reader cannot see, or cannot tell from other code. Leaves out: letters that look like others.
 */
import { isMark, isSeen, isSeenOn, runsRightToLeft } from "./seen.ts";

export interface SpellingStyle {
  /** How a tab between other characters is shown; this text's first character is then spelled where it is meant. */
  readonly tab?: string;
  /** Cells of blanks behind each other, from which on they are spelled. */
  readonly mostBlanks: number;
  /** Whether blanks at the beginning are spelled as well: at the end they always are. */
  readonly spellsFirstBlanks: boolean;
  /** Whether letters that run from right to left are shown. */
  readonly rightToLeft: boolean;
  /** Whether marks are shown on letters of scripts that need them. */
  readonly marks: boolean;
  /** Whether the colon of what an editor takes for its settings (`vim: set nowrap`) is spelled. */
  readonly forEditor?: boolean;
}

const SPACE = 0x20;
const TAB = 0x09;
const BACKSLASH = 0x5c;
/** Bytes that must follow, unless the line ends, before one can be decided on: the rest of a character, or `\x41`. */
const LOOKAHEAD = 4;
const MEANT_AS_SPELLING = /^\\(?:x[0-9a-fA-F]{2}|u\{)/;

/** What vi and its successors, and Emacs, look for in the lines of a file. */
const SETTINGS = /(?<=(?:vi|vim|ex|variables)(?:[<=>]?\d+)?):/i;

/** One line, in as many pieces as it comes in. */
export class Speller {
  readonly #style: SpellingStyle;
  #rest: Buffer = Buffer.alloc(0);
  #out = "";
  /** Blanks that nothing has followed yet, as runs, and how many cells they fill. */
  #blanks: { readonly code: number; count: number }[] = [];
  #blankCells = 0;
  /** A spelling that may be there once more, and how often it was; `#spelled` stays true behind it. */
  #token = "";
  #times = 0;
  #spelled = false;
  #isFirst = true;
  /** A letter and its marks. */
  #cluster = "";

  constructor(style: SpellingStyle) {
    this.#style = style;
  }

  /** Text of what can be decided on; `ends`: of all of it. */
  feed(bytes: Uint8Array, ends: boolean): string {
    const data = Buffer.concat([this.#rest, bytes]);
    const until = ends ? data.length : data.length - LOOKAHEAD;
    let at = 0;
    while (at < until) at = this.#step(data, at, until);
    this.#rest = data.subarray(at);
    if (ends) this.#end();
    const text = this.#out;
    this.#out = "";
    return text;
  }

  /** Takes one character, or as many plain ones as follow each other; gives the place behind. */
  #step(data: Buffer, at: number, until: number): number {
    const code = data[at]!;
    if (code === SPACE || code === TAB) {
      this.#blank(code);
      return at + 1;
    }
    this.#flushBlanks(false);
    if (isPlain(code)) {
      let to = at + 1;
      while (to < until && isPlain(data[to]!)) to++;
      this.#words(data.toString("latin1", at, to));
      return to;
    }
    if (code === BACKSLASH) {
      const isMeant = MEANT_AS_SPELLING.test(data.toString("latin1", at, at + LOOKAHEAD));
      if (isMeant) this.#spell(byteSpelling(code));
      else this.#plain("\\");
      return at + 1;
    }
    if (code < 0x80) {
      this.#spell(byteSpelling(code));
      return at + 1;
    }
    const length = utf8Length(data, at);
    if (length === 0) this.#spell(byteSpelling(code));
    else this.#character(data.toString("utf8", at, at + length));
    return at + Math.max(1, length);
  }

  #words(text: string): void {
    const parts = this.#style.forEditor ? text.split(SETTINGS) : [text];
    for (const [i, part] of parts.entries()) {
      if (i > 0) this.#spell(byteSpelling(0x3a));
      if (part !== "") this.#plain(part);
    }
  }

  #character(char: string): void {
    const { rightToLeft, marks, tab = "" } = this.#style;
    const isHidden = tab.startsWith(char) || (!rightToLeft && runsRightToLeft(char));
    const cluster = this.#cluster;
    if (!isHidden && (isMark(char) ? marks && isSeenOn(cluster, char) : isSeen(char))) {
      this.#plain(char);
      this.#cluster = isMark(char) ? cluster + char : char;
    } else this.#spell(`\\u{${char.codePointAt(0)!.toString(16)}}`);
  }

  #blank(code: number): void {
    const last = this.#blanks.at(-1);
    this.#blankCells += code === TAB ? (this.#style.tab?.length ?? 1) : 1;
    if (last?.code === code) last.count++;
    else {
      // Runs that are spelled anyway are not kept: a line of tabs and spaces by turns may be long.
      if (this.#blankCells > this.#style.mostBlanks) this.#flushBlanks(true);
      this.#blanks.push({ code, count: 1 });
    }
  }

  /** `isSpelled`: however few they are. */
  #flushBlanks(isSpelled: boolean): void {
    if (this.#blanks.length === 0) return;
    const { mostBlanks, spellsFirstBlanks, tab } = this.#style;
    const spells = isSpelled || this.#blankCells > mostBlanks || (spellsFirstBlanks && this.#isFirst);
    const blanks = this.#blanks;
    this.#blanks = [];
    if (!isSpelled) this.#blankCells = 0;
    for (const { code, count } of blanks) {
      if (spells || (code === TAB && tab === undefined)) this.#spell(byteSpelling(code), count);
      else this.#plain((code === TAB ? tab! : " ").repeat(count));
    }
  }

  #plain(text: string): void {
    this.#cluster = "";
    if (this.#spelled && text.startsWith("{")) {
      this.#spell(byteSpelling(0x7b));
      if (text.length > 1) this.#plain(text.slice(1));
      return;
    }
    this.#flushToken();
    this.#out += text;
    this.#spelled = false;
    this.#isFirst = false;
  }

  #spell(token: string, count = 1): void {
    this.#cluster = "";
    if (token !== this.#token) this.#flushToken();
    this.#token = token;
    this.#times += count;
    this.#spelled = true;
    this.#isFirst = false;
  }

  #flushToken(): void {
    if (this.#times > 0) this.#out += this.#times === 1 ? this.#token : `${this.#token}{${this.#times}}`;
    this.#token = "";
    this.#times = 0;
  }

  #end(): void {
    this.#flushBlanks(true);
    this.#flushToken();
    this.#blankCells = 0;
  }
}

/** Printable ASCII but the space and the backslash. */
function isPlain(code: number): boolean {
  return code > SPACE && code < 0x7f && code !== BACKSLASH;
}

function byteSpelling(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

/** Bytes of the well-formed sequence that begins here (Unicode 15, table 3-7); 0: none does. */
function utf8Length(data: Buffer, at: number): number {
  const [a, b] = [data[at]!, data[at + 1] ?? 0];
  const follow = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (((data[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
    return to;
  };
  if (a >= 0xc2 && a <= 0xdf) return follow(1, 2);
  if (a >= 0xe0 && a <= 0xef) {
    if ((a === 0xe0 && b < 0xa0) || (a === 0xed && b > 0x9f)) return 0;
    return follow(1, 3);
  }
  if (a >= 0xf0 && a <= 0xf4) {
    if ((a === 0xf0 && b < 0x90) || (a === 0xf4 && b > 0x8f)) return 0;
    return follow(1, 4);
  }
  return 0;
}
