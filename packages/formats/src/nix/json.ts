/**
 * A strict JSON reader (RFC 8259) over text, for files that decide something. `JSON.parse` keeps the last of two
 * members with one name where other readers keep the first, so one file could say two things: refused here, as are
 * lone surrogates and `__proto__`.
 */
import { FormatError, type FormatName } from "../bytes/error.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const MAX_DEPTH = 64;

/** Throws `FormatError` naming `format`. Whole numbers beyond 2^53, which would be rounded, are refused. */
export function parseStrictJson(text: string, format: FormatName): JsonValue {
  const reader = new JsonReader(text, format);
  const value = reader.value(0);
  reader.end();
  return value;
}

export interface JsonMember {
  readonly key: string;
  /** Where `"key":value` stands in the text, without the comma. */
  readonly start: number;
  readonly end: number;
}

/** The members of the object that the text is, where they stand. Throws `FormatError`. */
export function topLevelMembers(text: string): JsonMember[] {
  const members: JsonMember[] = [];
  const reader = new JsonReader(text, "derivation");
  reader.object(0, (key, start, end) => members.push({ key, start, end }));
  reader.end();
  return members;
}

class JsonReader {
  private readonly text: string;
  private readonly format: FormatName;
  private at = 0;

  constructor(text: string, format: FormatName) {
    this.text = text;
    this.format = format;
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) this.fail("is followed by more");
  }

  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) this.fail(`is nested more than ${MAX_DEPTH} deep`);
    this.space();
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"':
        return this.string();
      default:
        return this.scalar();
    }
  }

  object(depth: number, onMember?: (key: string, start: number, end: number) => void): JsonObject {
    const object: Record<string, JsonValue> = {};
    this.items("{", "}", () => {
      const start = this.at;
      const key = this.string();
      if (Object.hasOwn(object, key)) this.fail(`has the member ${JSON.stringify(key)} twice`, start);
      if (key === "__proto__") this.fail("has a member named __proto__", start);
      this.token(":");
      object[key] = this.value(depth + 1);
      onMember?.(key, start, this.at);
    });
    return object;
  }

  private array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.items("[", "]", () => array.push(this.value(depth + 1)));
    return array;
  }

  private items(open: string, close: string, item: () => void): void {
    this.token(open);
    this.space();
    for (let first = true; this.text[this.at] !== close; first = false) {
      if (!first) this.token(",");
      this.space();
      item();
      this.space();
    }
    this.at++;
  }

  private string(): string {
    const start = this.at;
    if (this.text[start] !== '"') this.fail("lacks a string");
    do this.at++;
    while (this.at < this.text.length && !this.atQuote());
    const value = this.native(this.text.slice(start, ++this.at), start);
    if (!(value as string).isWellFormed()) this.fail("has half of a surrogate pair", start);
    return value as string;
  }

  /** Steps over an escape, so that an escaped quote does not end the string. */
  private atQuote(): boolean {
    if (this.text[this.at] === "\\") this.at++;
    else return this.text[this.at] === '"';
    return false;
  }

  private scalar(): JsonValue {
    SCALAR.lastIndex = this.at;
    const start = this.at;
    const token = SCALAR.exec(this.text)?.[0] ?? this.fail("has no value here");
    this.at += token.length;
    const value = this.native(token, start);
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) this.fail("has a number beyond 2^53", start);
    return value;
  }

  /** The grammar of one string or scalar is left to the runtime's own parser. */
  private native(token: string, start: number): JsonValue {
    try {
      return JSON.parse(token) as JsonValue;
    } catch {
      return this.fail("has a malformed value", start);
    }
  }

  private token(token: string): void {
    this.space();
    if (this.text[this.at] !== token) this.fail(`lacks ${token}`);
    this.at++;
  }

  private space(): void {
    SPACE.lastIndex = this.at;
    SPACE.exec(this.text);
    this.at = SPACE.lastIndex;
  }

  private fail(problem: string, at: number = this.at): never {
    throw new FormatError(this.format, "JSON", at, problem);
  }
}

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /[-+.0-9A-Za-z]+/y;
