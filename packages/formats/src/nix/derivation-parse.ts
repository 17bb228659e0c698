/**
 * Reads .drv files (ATerm), taking only what Nix itself writes: sorted, without repetition, each string in its one
 * spelling. So the value decides the bytes, the bytes decide the path, and no two readers see two derivations.
 *
 * Leaves out `DrvWithVersion("xp-dyn-drv", …)`, dynamic derivations: refused with a message of its own. Whether
 * output paths are the right ones is for derivation-hash.ts.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeHex, latin1 } from "../bytes/text.ts";
import type { Derivation, DerivationOutput } from "./derivation.ts";
import { digestLength, type HashAlgorithm, parseHashAlgorithm } from "./hash.ts";
import {
  checkStoreName,
  type DrvPath,
  type IngestionMethod,
  parseDrvPath,
  parseStorePath,
  STORE_DIR,
  type StorePath,
} from "./store-path.ts";

const MAX_BYTES = 64 << 20;

/** Throws `FormatError` unless the bytes are exactly what Nix writes for some derivation of this store directory. */
export function parseDerivation(bytes: Uint8Array, storeDir: string = STORE_DIR): Derivation {
  if (bytes.length > MAX_BYTES) {
    throw new FormatError("derivation", "size", MAX_BYTES, "is over 64 MiB");
  }
  const reader = new ATermReader(latin1(bytes));
  if (reader.peek("DrvWithVersion(")) {
    reader.fail("version", "is a dynamic derivation (DrvWithVersion), which is not supported");
  }
  reader.expect("Derive(", "head");
  const outputs = parseOutputs(reader, storeDir);
  reader.expect(",", "inputDrvs");
  const inputDrvs = parseInputDrvs(reader, storeDir);
  reader.expect(",", "inputSrcs");
  const inputSrcs = reader.sortedList("inputSrcs", () => storePath(reader, "inputSrcs", storeDir));
  reader.expect(",", "system");
  const system = reader.plain("system");
  reader.expect(",", "builder");
  const builder = reader.quoted("builder");
  reader.expect(",", "args");
  const args = reader.list("args", () => reader.quoted("args"));
  reader.expect(",", "env");
  const env = parseEnv(reader);
  reader.expect(")", "end");
  reader.end();
  return { outputs, inputDrvs, inputSrcs, system, builder, args, env };
}

function parseOutputs(reader: ATermReader, storeDir: string): Map<string, DerivationOutput> {
  const at = reader.offset;
  const outputs = reader.sortedMap("outputs", () => {
    const nameAt = reader.offset + 1;
    const name = reader.plain("output name");
    checkStoreName(name, nameAt);
    return [name, parseOutput(reader, storeDir)];
  });
  const kinds = new Set([...outputs.values()].map((output) => output.kind));
  if (kinds.size === 0) reader.fail("outputs", "are none", at);
  if (kinds.size > 1) reader.fail("outputs", "are of several kinds", at);
  if (kinds.has("fixed") && (outputs.size > 1 || !outputs.has("out"))) {
    reader.fail("outputs", "has a fixed output that is not the only one or not named out", at);
  }
  const algorithms = [...outputs.values()].map((output) =>
    output.kind === "floating" ? output.algorithm : "",
  );
  if (new Set(algorithms).size > 1) reader.fail("outputs", "float under several hash algorithms", at);
  return outputs;
}

function parseOutput(reader: ATermReader, storeDir: string): DerivationOutput {
  reader.expect(",", "output path");
  const at = reader.offset;
  const pathText = reader.plain("output path");
  reader.expect(",", "output hash algorithm");
  const algorithmAt = reader.offset;
  const methodAlgo = reader.plain("output hash algorithm");
  reader.expect(",", "output hash");
  const hashAt = reader.offset;
  const hash = reader.plain("output hash");
  const path = pathText === "" ? undefined : storePathAt(pathText, "output path", at, storeDir);
  if (methodAlgo === "") {
    if (hash !== "") reader.fail("output hash", "has no algorithm", hashAt);
    return path === undefined ? { kind: "deferred" } : { kind: "input-addressed", path };
  }
  const { method, algorithm } = parseMethodAlgorithm(reader, methodAlgo, algorithmAt);
  if (hash === "" || hash === "impure") {
    if (path !== undefined) reader.fail("output path", "is known before the contents are", at);
    return { kind: hash === "" ? "floating" : "impure", method, algorithm };
  }
  if (path === undefined) reader.fail("output path", "is missing for a fixed output", at);
  if (!/^[0-9a-f]+$/.test(hash) || hash.length !== digestLength(algorithm) * 2) {
    reader.fail("output hash", `is not ${algorithm} in lower-case hex`, hashAt);
  }
  return { kind: "fixed", path, method, hash: { algorithm, digest: decodeHex(hash) } };
}

function parseMethodAlgorithm(
  reader: ATermReader,
  text: string,
  at: number,
): { method: IngestionMethod; algorithm: HashAlgorithm } {
  const split = /^(?:(r|text|git):)?([a-z0-9]+)$/.exec(text);
  if (!split) reader.fail("output hash algorithm", "is not a method and an algorithm", at);
  const method = split[1] === undefined ? "flat" : split[1] === "r" ? "nar" : (split[1] as "text" | "git");
  const algorithm = parseHashAlgorithm(split[2]!);
  if (method === "text" && algorithm !== "sha256") {
    reader.fail("output hash algorithm", "of a text is not sha256", at);
  }
  return { method, algorithm };
}

function parseInputDrvs(reader: ATermReader, storeDir: string): Map<DrvPath, string[]> {
  return reader.sortedMap("inputDrvs", () => {
    const at = reader.offset;
    const path = within("inputDrvs", at, () => parseDrvPath(reader.plain("inputDrvs"), storeDir));
    reader.expect(",", "inputDrvs");
    const names = reader.sortedList("inputDrvs outputs", () => reader.plain("inputDrvs outputs"));
    // Such an input would be in the closure but not in the hash modulo; Nix never writes one.
    if (names.length === 0) reader.fail("inputDrvs outputs", "are none", at);
    names.forEach((name) => {
      checkStoreName(name, at);
    });
    return [path, names];
  });
}

function parseEnv(reader: ATermReader): Map<string, string> {
  return reader.sortedMap("env", () => {
    const name = reader.quoted("env");
    reader.expect(",", "env");
    return [name, reader.quoted("env")];
  });
}

function storePath(reader: ATermReader, field: string, storeDir: string): StorePath {
  const at = reader.offset;
  return storePathAt(reader.plain(field), field, at, storeDir);
}

function storePathAt(text: string, field: string, at: number, storeDir: string): StorePath {
  return within(field, at, () => parseStorePath(text, storeDir));
}

/** Says where in the derivation a bad store path stands. */
function within<T>(field: string, at: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FormatError) || error.format === "derivation") throw error;
    throw new FormatError("derivation", field, at + error.offset, error.message);
  }
}

const UNESCAPED: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", n: "\n", r: "\r", t: "\t" };

class ATermReader {
  private readonly text: string;
  offset = 0;

  constructor(text: string) {
    this.text = text;
  }

  fail(field: string, problem: string, at: number = this.offset): never {
    throw new FormatError("derivation", field, at, problem);
  }

  peek(token: string): boolean {
    return this.text.startsWith(token, this.offset);
  }

  expect(token: string, field: string): void {
    if (!this.peek(token)) this.fail(field, `${token} is missing`);
    this.offset += token.length;
  }

  end(): void {
    if (this.offset < this.text.length) this.fail("end", "is followed by more");
  }

  list<T>(field: string, item: () => T): T[] {
    this.expect("[", field);
    const items: T[] = [];
    while (!this.peek("]")) {
      if (items.length > 0) this.expect(",", field);
      items.push(item());
    }
    this.expect("]", field);
    return items;
  }

  /** Strictly ascending: Nix sorts and drops repetitions, so another order would be a second spelling. */
  sortedList<T extends string>(field: string, item: () => T): T[] {
    let last: T | undefined;
    return this.list(field, () => {
      const at = this.offset;
      const value = item();
      if (last !== undefined && value <= last) this.fail(field, "are not sorted or hold one twice", at);
      last = value;
      return value;
    });
  }

  sortedMap<K extends string, V>(field: string, entry: () => [K, V]): Map<K, V> {
    const map = new Map<K, V>();
    this.sortedList(field, () => {
      this.expect("(", field);
      const [key, value] = entry();
      this.expect(")", field);
      map.set(key, value);
      return key;
    });
    return map;
  }

  /** A string that Nix writes without escapes: names, paths, hashes, the system. */
  plain(field: string): string {
    const at = this.offset;
    const value = this.quoted(field);
    if (this.offset - at !== value.length + 2) this.fail(field, "has an escape where Nix writes none", at);
    return value;
  }

  quoted(field: string): string {
    this.expect('"', field);
    let value = "";
    for (let from = this.offset; ; this.offset++) {
      const code = this.text.charCodeAt(this.offset);
      if (code === 0x22) {
        value += this.text.slice(from, this.offset++);
        return value;
      }
      if (code === 0x5c) {
        value += this.text.slice(from, this.offset) + this.escape(field);
        from = this.offset + 1;
      } else if (!(code > 0x0d)) this.control(field, code);
    }
  }

  /** Leaves the offset on the escape's last character. */
  private escape(field: string): string {
    const value = UNESCAPED[this.text[++this.offset] ?? ""];
    return value ?? this.fail(field, "has an escape that Nix does not write");
  }

  /**
   * A NUL would end the string early for the builder, but not for whoever checks it. Raw line feeds and tabs would
   * be second spellings of their escapes.
   */
  private control(field: string, code: number): void {
    if (Number.isNaN(code)) this.fail(field, "is cut off");
    if (code === 0 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.fail(field, "has a NUL or a raw tab, line feed or carriage return");
    }
  }
}
