/**
 * The tokens of a Nix expression, as far as it takes to tell strings from comments and brackets from text.
 *
 * Claims: where this reader and Nix's own lexer (lexer.l) could part, the text is refused: unquoted URLs, a comment
 * that opens inside a word, control characters, brackets that do not match. So a plain string here is a string
 * there, with that content. Against: text that a tool takes for a string or a comment, and Nix for code. Leaves out
 * all of the grammar above that.
 */
import { FormatError } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";

export interface NixToken {
  /** `string`: whole, in double quotes, without escapes and without `$`. `text`: a piece of any other string. */
  readonly kind: "word" | "string" | "text" | "sign";
  /** As it stands, quotes included. Latin-1, one character a byte. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** What is open around it, from the outside: each by where it opened. */
  readonly scopes: readonly NixScope[];
}

export interface NixScope {
  readonly kind: "{" | "(" | "[" | "${" | "let";
  readonly at: number;
}

/** Largest expression, in bytes. */
export const MAX_EXPRESSION = 1 << 20;

/** Tokens in order. Throws `FormatError` on whatever has two readings. */
export function nixTokens(bytes: Uint8Array): NixToken[] {
  if (bytes.length > MAX_EXPRESSION) fail(MAX_EXPRESSION, "is too long");
  return new Lexer(latin1(bytes)).run();
}

type Mode = "code" | "string" | "indented";

const SPACE = /[ \t\n]+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_'-]*/y;
/** An unquoted URL: Nix takes what looks like `name:body` for one token, in which `//` and `'` mean nothing. */
const URL = /[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9%/?:@&=+$,_.!~*'-]/y;
const CLOSES: Readonly<Record<string, NixScope["kind"]>> = { "}": "{", ")": "(", "]": "[" };

class Lexer {
  readonly #text: string;
  readonly #tokens: NixToken[] = [];
  /** Which kind of text each `${` returns to, innermost last. */
  readonly #modes: Mode[] = ["code"];
  #scopes: readonly NixScope[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): NixToken[] {
    while (this.#at < this.#text.length) {
      const mode = this.#modes.at(-1)!;
      if (mode === "code") this.#code();
      else if (mode === "string") this.#string();
      else this.#indented();
    }
    if (this.#modes.length > 1 || this.#scopes.length > 0)
      fail(this.#at, "ends inside a string or a bracket");
    return this.#tokens;
  }

  #code(): void {
    if (this.#matches(SPACE)) return;
    const rest = this.#text.slice(this.#at, this.#at + 2);
    if (rest[0] === "#") return this.#lineComment();
    if (rest === "/*") return this.#blockComment();
    if (rest === "''") return this.#open("indented", 2);
    if (rest[0] === '"') return this.#quoted();
    const start = this.#at;
    if (this.#matches(URL)) fail(start, "has what Nix takes for a URL without quotes");
    if (this.#matches(WORD)) return this.#word(start);
    this.#sign();
  }

  #word(start: number): void {
    const word = this.#text.slice(start, this.#at);
    // Behind a path or a number these quotes begin a string, and behind a name they belong to it.
    if (word.includes("''")) fail(start, "has two single quotes in a word");
    if (word === "in") this.#close("let", start);
    this.#push("word", start);
    if (word === "let") this.#enter("let", start);
  }

  #sign(): void {
    const start = this.#at;
    const character = this.#text[start]!;
    if (!/[!-~]/.test(character)) fail(start, "has a character that has no place outside of strings");
    const isAntiquote = this.#text.startsWith("${", start);
    this.#at += isAntiquote ? 2 : 1;
    const closes = CLOSES[character];
    if (closes !== undefined) this.#closeBracket(closes, start);
    this.#push("sign", start);
    if (isAntiquote) this.#antiquote(start);
    else if (character === "{" || character === "(" || character === "[") this.#enter(character, start);
  }

  #closeBracket(kind: NixScope["kind"], at: number): void {
    const open = this.#scopes.at(-1);
    // The brace that ends `${ … }` ends what stands in a string as well.
    if (kind === "{" && open?.kind === "${") {
      this.#close("${", at);
      this.#modes.pop();
    } else this.#close(kind, at);
  }

  #antiquote(start: number): void {
    this.#enter("${", start);
    this.#modes.push("code");
  }

  /** To the end of the line. Nix before 2.19 ended it at a carriage return as well, which is refused elsewhere. */
  #lineComment(): void {
    this.#requireApart();
    const end = this.#text.indexOf("\n", this.#at);
    this.#skipComment(end < 0 ? this.#text.length : end);
  }

  #blockComment(): void {
    this.#requireApart();
    const end = this.#text.indexOf("*/", this.#at + 2);
    if (end < 0) fail(this.#at, "has a comment that does not end");
    this.#skipComment(end + 2);
  }

  #skipComment(end: number): void {
    if (this.#text.slice(this.#at, end).includes("\r")) fail(this.#at, "has a carriage return in a comment");
    this.#at = end;
  }

  /** Behind a path a slash still belongs to the path: there a comment opens only for some readers. */
  #requireApart(): void {
    const before = this.#text[this.#at - 1] ?? "\n";
    if (!/[\s;{}()[\],=]/.test(before)) fail(this.#at, "has a comment that opens inside a word");
  }

  /** A plain string is one token; any other comes in pieces. */
  #quoted(): void {
    const plain = /"[^"\\$\r]*"/y;
    const start = this.#at;
    if (this.#matches(plain)) this.#push("string", start);
    else this.#open("string", 1);
  }

  #open(mode: Mode, length: number): void {
    const start = this.#at;
    this.#at += length;
    this.#push("text", start);
    this.#modes.push(mode);
  }

  /** lexer.l, <STRING>: a dollar sign takes the next character along unless that is a brace, a quote or a backslash. */
  #string(): void {
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const [character, next = ""] = [this.#text[this.#at]!, this.#text[this.#at + 1]];
      if (character === '"') return this.#endText(start, 1);
      if (character === "$" && next === "{") return this.#leave(start);
      const two = character === "\\" || (character === "$" && next !== '"' && next !== "\\");
      this.#at += two ? 2 : 1;
    }
    fail(start, "has a string that does not end");
  }

  /** lexer.l, <IND_STRING>: two quotes end it unless a dollar sign, a quote or a backslash follows. */
  #indented(): void {
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const [character, next = "", third = ""] = this.#text.slice(this.#at, this.#at + 3);
      if (character === "'" && next === "'") {
        if (third !== "$" && third !== "'" && third !== "\\") return this.#endText(start, 2);
        this.#at += third === "\\" ? 4 : 3;
      } else if (character === "$" && next === "{") return this.#leave(start);
      else if (character === "$") this.#at += next === "'" ? 1 : 2;
      else this.#at += character === "'" && next !== "$" ? 2 : 1;
    }
    fail(start, "has a string that does not end");
  }

  #endText(start: number, length: number): void {
    this.#at += length;
    this.#push("text", start);
    this.#modes.pop();
  }

  /** Into `${ … }`: the text so far, the opening, and then code. */
  #leave(start: number): void {
    if (this.#at > start) this.#push("text", start);
    this.#sign();
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const matched = pattern.exec(this.#text);
    if (!matched) return false;
    // A URL is refused whole: how far it goes does not matter.
    this.#at = pattern.lastIndex;
    return true;
  }

  #push(kind: NixToken["kind"], start: number): void {
    this.#tokens.push({
      kind,
      text: this.#text.slice(start, this.#at),
      start,
      end: this.#at,
      scopes: this.#scopes,
    });
  }

  #enter(kind: NixScope["kind"], at: number): void {
    this.#scopes = [...this.#scopes, { kind, at }];
    if (this.#scopes.length > 200) fail(at, "is nested too deep");
  }

  #close(kind: NixScope["kind"], at: number): void {
    if (this.#scopes.at(-1)?.kind !== kind) fail(at, "has brackets that do not match");
    this.#scopes = this.#scopes.slice(0, -1);
  }
}

function fail(offset: number, problem: string): never {
  throw new FormatError("nix expression", "token", offset, problem);
}
