/**
 * The tokens of a Nix expression: enough of the language to tell code from comments and strings, and a string's own
 * text from what is filled into it. Claims no more than that; what the tokens mean is their reader's business.
 *
 * Text is one character a byte, as repository files are everywhere. Strict: a string or comment that does not end,
 * and nesting beyond the limit, are refused. Source: Nix manual, "String literal" and "Path literal"; lexer.l.
 */
import { FormatError } from "../bytes/error.ts";

export type Token =
  | { readonly kind: "name"; readonly text: string; readonly at: number }
  | { readonly kind: "number" | "path"; readonly text: string; readonly at: number }
  /** A string, or a path that something is filled into: pieces of text, and the tokens in between. */
  | { readonly kind: "string"; readonly parts: readonly StringPart[]; readonly at: number }
  /** Punctuation: a bracket, or an operator of up to three characters. */
  | { readonly kind: "sign"; readonly text: string; readonly at: number };

export type StringPart = string | readonly Token[];

const MAX_BYTES = 8 << 20;
const MAX_NESTING = 100;

/** Throws `FormatError` with the offset. */
export function expressionTokens(text: string): Token[] {
  if (text.length > MAX_BYTES) throw new FormatError("nix expression", "size", MAX_BYTES, "is over 8 MiB");
  const lexer = new Lexer(text);
  return lexer.tokens(0, undefined);
}

/** Tells `line:column` of an offset in the text, each from 1. */
export function placesIn(text: string): (offset: number) => string {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return `${low + 1}:${offset - starts[low]! + 1}`;
  };
}

const SPACE = /[ \t\r\n]+|#[^\r\n]*|\/\*[\s\S]*?\*\//y;
/** Behind `/*` without an end. */
const UNENDED_COMMENT = /\/\*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_'-]*/y;
const NUMBER = /(?:[0-9]+\.[0-9]*|\.?[0-9]+)(?:[Ee][+-]?[0-9]+)?/y;
const URI = /[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9%/?:@&=+$,_.!~*'-]+/y;
const PATH_START = /(?:[A-Za-z0-9._+-]*|~)\/(?=[A-Za-z0-9._+-]|\$\{)/y;
const PATH_TEXT = /[A-Za-z0-9._+/-]+/y;
const SEARCH_PATH = /<[A-Za-z0-9._+-]+(?:\/[A-Za-z0-9._+-]+)*>/y;
const SIGN = /\.\.\.|==|!=|<=|>=|&&|\|\||->|\/\/|\+\+|\|>|<\||[-+*/<>=!?:;,.@(){}[\]$]/y;

class Lexer {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Up to the brace that ends an interpolation, which opened at `opened`; or to the end of the text. */
  tokens(depth: number, opened: number | undefined): Token[] {
    if (depth > MAX_NESTING) this.fail("nesting", `is more than ${MAX_NESTING} deep`);
    const tokens: Token[] = [];
    let braces = 0;
    for (;;) {
      this.space();
      if (this.at >= this.text.length) {
        if (opened !== undefined) this.fail("interpolation", "does not end", opened);
        return tokens;
      }
      if (opened !== undefined && braces === 0 && this.text[this.at] === "}") return tokens;
      const token = this.token(depth);
      if (token.kind === "sign" && token.text === "{") braces++;
      if (token.kind === "sign" && token.text === "}") braces--;
      tokens.push(token);
    }
  }

  private token(depth: number): Token {
    const at = this.at;
    if (this.text[at] === '"') return this.string(depth);
    if (this.text.startsWith("''", at)) return this.indented(depth);
    if (this.match(PATH_START) !== undefined) return this.path(depth, at);
    const search = this.match(SEARCH_PATH);
    if (search !== undefined) return { kind: "path", text: search, at };
    const uri = this.match(URI);
    if (uri !== undefined) return { kind: "string", parts: [uri], at };
    const name = this.match(WORD);
    if (name !== undefined) return { kind: "name", text: name, at };
    const number = this.match(NUMBER);
    if (number !== undefined) return { kind: "number", text: number, at };
    // `${` outside of a string names an attribute; its brace is counted like any other.
    const sign = this.match(SIGN);
    return sign === undefined
      ? this.fail("character", "belongs to no token")
      : { kind: "sign", text: sign, at };
  }

  private string(depth: number): Token {
    const at = this.at++;
    const parts = new Parts();
    for (;;) {
      const next = this.text[this.at];
      if (next === undefined) this.fail("string", "does not end", at);
      if (next === '"') break;
      if (next === "\\") parts.text(this.escape());
      else if (!this.interpolation(parts, depth)) this.plain(parts, STRING_TEXT);
    }
    this.at++;
    return { kind: "string", parts: parts.all(), at };
  }

  /** Without the indentation that Nix takes away: who looks for an address looks for one line. */
  private indented(depth: number): Token {
    const at = this.at;
    this.at += 2;
    const parts = new Parts();
    for (;;) {
      if (this.at >= this.text.length) this.fail("string", "does not end", at);
      if (this.text.startsWith("''", this.at)) {
        const escaped = this.match(INDENTED_ESCAPE);
        if (escaped === undefined) break;
        parts.text(indentedEscape(escaped));
      } else if (!this.interpolation(parts, depth)) this.plain(parts, INDENTED_TEXT);
    }
    this.at += 2;
    return { kind: "string", parts: parts.all(), at };
  }

  private path(depth: number, start: number): Token {
    const parts = new Parts();
    parts.text(this.text.slice(start, this.at));
    while (this.interpolation(parts, depth) || this.plain(parts, PATH_TEXT));
    const all = parts.all();
    const [only] = all;
    if (all.length === 1 && typeof only === "string") return { kind: "path", text: only, at: start };
    return { kind: "string", parts: all, at: start };
  }

  private interpolation(parts: Parts, depth: number): boolean {
    if (!this.text.startsWith("${", this.at)) return false;
    const opened = this.at;
    this.at += 2;
    parts.tokens(this.tokens(depth + 1, opened));
    this.at++;
    return true;
  }

  private plain(parts: Parts, pattern: RegExp): boolean {
    const text = this.match(pattern);
    if (text !== undefined) parts.text(text);
    return text !== undefined;
  }

  private escape(): string {
    const escaped = this.text[this.at + 1];
    if (escaped === undefined) return this.fail("string", "does not end");
    this.at += 2;
    return ESCAPES.get(escaped) ?? escaped;
  }

  private space(): void {
    while (this.match(SPACE) !== undefined);
    UNENDED_COMMENT.lastIndex = this.at;
    if (UNENDED_COMMENT.test(this.text)) this.fail("comment", "does not end");
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined || found === "") return undefined;
    this.at += found.length;
    return found;
  }

  private fail(field: string, problem: string, at: number = this.at): never {
    throw new FormatError("nix expression", field, at, problem);
  }
}

/** A dollar that opens no interpolation is text, and two of them never open one. */
const STRING_TEXT = /[^"\\$]+|\$\$|\$(?!\{)/y;
const INDENTED_TEXT = /[^'$]+|\$\$|\$(?!\{)|'(?!')/y;
const INDENTED_ESCAPE = /''(?:\$|'|\\[\s\S])/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

function indentedEscape(escaped: string): string {
  if (escaped === "'''") return "''";
  if (escaped === "''$") return "$";
  return ESCAPES.get(escaped[3]!) ?? escaped[3]!;
}

/** Neighbouring pieces of text are one. */
class Parts {
  private readonly parts: StringPart[] = [];
  private pending: string[] = [];

  text(text: string): void {
    this.pending.push(text);
  }

  tokens(tokens: readonly Token[]): void {
    this.flush();
    this.parts.push(tokens);
  }

  all(): StringPart[] {
    this.flush();
    return this.parts;
  }

  private flush(): void {
    if (this.pending.length > 0) this.parts.push(this.pending.join(""));
    this.pending = [];
  }
}
