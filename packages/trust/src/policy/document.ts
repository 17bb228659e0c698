/**
 * TOML text -> a tree in which each value knows its place. The parser (toml-eslint-parser, held to TOML 1.0) refuses
 * duplicate and redefined keys; what it lacks is guarded here: size, nesting, and the key `__proto__`, which a
 * JavaScript object would swallow. Whoever may commit to the trust repository, or serves a clone of it, writes this
 * text.
 */
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import type { DefectList, Position } from "./defect.ts";
import { quoted } from "./nearest.ts";

/** Largest `firstmile.toml`, in bytes. */
export const MAX_POLICY_BYTES = 128 * 1024;
/** Deepest nesting of arrays, tables and dotted keys. */
export const MAX_NESTING = 24;

/** A TOML value that is no string, boolean, safe integer, array or table. */
export class Literal {
  readonly kind: "float" | "integer" | "offset-date-time" | "local-date-time" | "local-date" | "local-time";
  /** Unix seconds, rounded down, of an offset date-time. */
  readonly seconds: number | undefined;

  constructor(kind: Literal["kind"], seconds?: number) {
    this.kind = kind;
    this.seconds = seconds;
  }
}

export type Table = Map<string, Node>;

export interface Node {
  /** Where the value stands. */
  readonly at: Position;
  /** Where its key stands, or the value where it has none. */
  readonly keyAt: Position;
  readonly value: string | boolean | number | Literal | Node[] | Table;
}

/** The document's root table, or undefined where the text is no TOML: `defects` then says why. */
export function readDocument(bytes: Uint8Array, defects: DefectList): Node | undefined {
  const text = decode(bytes, defects);
  if (text === undefined || tooDeep(text, defects)) return undefined;
  const ast = parse(text, defects);
  return ast && new TreeBuilder(defects).build(ast);
}

const START: Position = { line: 1, column: 1 };

function decode(bytes: Uint8Array, defects: DefectList): string | undefined {
  if (bytes.length > MAX_POLICY_BYTES) {
    const problem = `the file has ${bytes.length} bytes, over the limit of ${MAX_POLICY_BYTES}`;
    defects.add(START, "too-large", problem, "name groups as roles and give rules fewer, wider paths");
    return undefined;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    defects.add(START, "not-utf8", "the file is not UTF-8", "save it as UTF-8 without a byte order mark");
    return undefined;
  }
}

/** Before parsing, since the parser recurses: brackets inside strings count as well, which errs towards refusal. */
function tooDeep(text: string, defects: DefectList): boolean {
  let depth = 0;
  let line = 1;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\n") line++;
    else if (c === "[" || c === "{") depth++;
    else if (c === "]" || c === "}") depth = Math.max(0, depth - 1);
    if (depth > MAX_NESTING) return refuseDepth({ line, column: 1 }, defects);
  }
  return false;
}

function refuseDepth(at: Position, defects: DefectList): true {
  const problem = `values are nested over ${MAX_NESTING} deep`;
  defects.add(at, "too-deep", problem, "name inner groups as roles of their own");
  return true;
}

function parse(text: string, defects: DefectList): AST.TOMLProgram | undefined {
  try {
    return parseTOML(text, { tomlVersion: "1.0" });
  } catch (error) {
    const at = error instanceof ParseError ? { line: error.lineNumber, column: error.column + 1 } : START;
    const problem = error instanceof ParseError ? error.message : "the TOML parser gave up on this file";
    if (/invalid (?:date|time)/.test(problem)) {
      defects.add(at, "bad-date", "there is no such date or time", "write expires = 2027-06-01T00:00:00Z");
      return undefined;
    }
    const help = problem.includes("multiple times")
      ? "keep one of the two: TOML has no way to say which would hold"
      : "write TOML 1.0, see https://toml.io";
    defects.add(at, "malformed-toml", problem, help);
    return undefined;
  }
}

const position = (node: { loc: AST.SourceLocation }): Position => ({
  line: node.loc.start.line,
  column: node.loc.start.column + 1,
});

/** Tables, dotted keys and arrays of tables all become the same nodes. */
class TreeBuilder {
  readonly #defects: DefectList;

  constructor(defects: DefectList) {
    this.#defects = defects;
  }

  build(ast: AST.TOMLProgram): Node {
    const root: Node = { at: START, keyAt: START, value: new Map() };
    for (const item of ast.body[0].body) {
      if (item.type === "TOMLKeyValue") this.#set(root, item);
      else {
        const table = this.#open(root, item);
        if (table) for (const entry of item.body) this.#set(table, entry);
      }
    }
    return root;
  }

  #open(root: Node, item: AST.TOMLTable): Node | undefined {
    return this.#descend(root, item.resolvedKey, item.key, position(item));
  }

  #set(table: Node, entry: AST.TOMLKeyValue): void {
    const names = entry.key.keys.map(keyText);
    const last = names.pop()!;
    const parent = this.#descend(table, names, entry.key, position(entry.key));
    const keyAt = position(entry.key.keys.at(-1)!);
    if (parent && this.#allows(last, keyAt)) this.#put(parent, last, this.#content(entry.value, keyAt));
  }

  /** The table at the end of `path`, made where it is not there yet. */
  #descend(from: Node, path: readonly (string | number)[], key: AST.TOMLKey, at: Position): Node | undefined {
    let node = from;
    let part = 0;
    if (path.length > MAX_NESTING) {
      refuseDepth(position(key), this.#defects);
      return undefined;
    }
    for (const [i, step] of path.entries()) {
      const keyAt = typeof step === "string" ? position(key.keys[part++]!) : at;
      if (typeof step === "string" && !this.#allows(step, keyAt)) return undefined;
      let next = child(node, step);
      if (!next) {
        next = { at: keyAt, keyAt, value: typeof path[i + 1] === "number" ? [] : new Map() };
        this.#put(node, step, next);
      }
      node = next;
    }
    return node;
  }

  #put(parent: Node, step: string | number, node: Node): void {
    if (parent.value instanceof Map && typeof step === "string" && !parent.value.has(step)) {
      parent.value.set(step, node);
    } else if (Array.isArray(parent.value) && parent.value.length === step) {
      parent.value.push(node);
    } else {
      // The parser refuses this first; were it ever to let one by, the second value must not win silently.
      this.#defects.add(node.keyAt, "malformed-toml", "the key is defined twice", "keep one of the two");
    }
  }

  #allows(name: string, at: Position): boolean {
    if (name !== "__proto__") return true;
    this.#defects.add(at, "bad-name", 'no key may be called "__proto__"', "choose another name");
    return false;
  }

  #content(value: AST.TOMLContentNode, keyAt: Position | undefined): Node {
    const at = position(value);
    const node = (content: Node["value"]): Node => ({ at, keyAt: keyAt ?? at, value: content });
    if (value.type === "TOMLArray") return node(value.elements.map((e) => this.#content(e, undefined)));
    if (value.type === "TOMLValue") return node(scalar(value));
    const table = node(new Map());
    for (const entry of value.body) this.#set(table, entry);
    return table;
  }
}

function keyText(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === "TOMLBare" ? key.name : key.value;
}

function scalar(value: AST.TOMLValue): string | boolean | number | Literal {
  if (value.kind === "string" || value.kind === "boolean") return value.value;
  if (value.kind === "integer")
    return Number.isSafeInteger(value.value) ? value.value : new Literal("integer");
  if (value.kind !== "offset-date-time") return new Literal(value.kind);
  return new Literal(value.kind, Math.floor(value.value.getTime() / 1000));
}

/** The entry of a table or array. */
export function child(node: Node, step: string | number): Node | undefined {
  if (node.value instanceof Map) return node.value.get(String(step));
  return Array.isArray(node.value) ? node.value[Number(step)] : undefined;
}

/** The entries of a table; none where it is something else. */
export function entries(node: Node | undefined): [string, Node][] {
  return node?.value instanceof Map ? [...node.value] : [];
}

/** The value without its places, tables as objects without a prototype. */
export function plain(node: Node): unknown {
  if (Array.isArray(node.value)) return node.value.map(plain);
  if (!(node.value instanceof Map)) return node.value;
  const object: Record<string, unknown> = Object.create(null);
  for (const [name, inner] of node.value) object[name] = plain(inner);
  return object;
}

/** What a value is called in a message. */
export function describe(node: Node): string {
  const { value } = node;
  if (value instanceof Literal) return `a ${value.kind}`;
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "a table";
  return typeof value === "string" ? quoted(value) : String(value);
}
