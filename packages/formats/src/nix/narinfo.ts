/**
 * narinfo: what a binary cache says of one store path. The reader is stricter than Nix's: whatever two readers
 * could understand differently (a repeated field, a line without its space, a URL that leaves the cache) is refused.
 *
 * A signature covers only what `fingerprint` renders: path, NarHash, NarSize and references. URL, Compression,
 * FileHash, FileSize, Deriver and CA are the cache's word alone.
 */
import { FormatError } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";
import { type ContentAddress, parseContentAddress, renderContentAddress } from "./content-address.ts";
import { type NarHash, parseNarHash } from "./hash.ts";
import { type NixSignature, parseNixSignature, renderNixSignature } from "./key.ts";
import {
  asDrvPath,
  baseNameOf,
  type DrvPath,
  parseStoreBaseName,
  parseStorePath,
  STORE_DIR,
  type StorePath,
} from "./store-path.ts";

/** The names Nix has for compressions; only xz, zstd, bzip2 and none are common. */
export const COMPRESSIONS = [
  "none",
  "br",
  "bzip2",
  "compress",
  "grzip",
  "gzip",
  "lrzip",
  "lz4",
  "lzip",
  "lzma",
  "lzop",
  "xz",
  "zstd",
] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface NarInfo {
  readonly storePath: StorePath;
  /** Relative to the cache; never leaves it. */
  readonly url: string;
  readonly compression: Compression;
  /** SHA-256 of the compressed file. */
  readonly fileHash: NarHash | undefined;
  /** Bytes of the compressed file. */
  readonly fileSize: number | undefined;
  readonly narHash: NarHash;
  /** Bytes of the NAR, above zero. */
  readonly narSize: number;
  /** Sorted, without repetition; may hold the path itself. */
  readonly references: readonly StorePath[];
  readonly deriver: DrvPath | undefined;
  /** In the order given, without repetition. */
  readonly signatures: readonly NixSignature[];
  readonly ca: ContentAddress | undefined;
}

const MAX_BYTES = 1 << 20;

interface Field {
  readonly value: string;
  readonly offset: number;
}

/**
 * Throws `FormatError` unless the text is one well-formed narinfo for a path of this store directory. Fields that
 * are not known are skipped, as Nix does: old caches send `System`.
 */
export function parseNarInfo(text: Uint8Array | string, storeDir: string = STORE_DIR): NarInfo {
  const fields = splitFields(typeof text === "string" ? text : latin1(text));
  const once = (key: string) => single(fields, key);
  return {
    storePath: read(required(fields, "StorePath"), (v) => parseStorePath(v, storeDir)),
    url: checkUrl(required(fields, "URL")),
    compression: parseCompression(once("Compression")),
    fileHash: read(once("FileHash"), parseNarHash),
    fileSize: parseSize(once("FileSize"), "FileSize") || undefined,
    narHash: read(required(fields, "NarHash"), parseNarHash),
    narSize: parseNarSize(required(fields, "NarSize")),
    references: parseReferences(once("References"), storeDir),
    deriver: parseDeriver(once("Deriver"), storeDir),
    signatures: parseSignatures(fields.get("Sig") ?? []),
    ca: read(nonEmpty(once("CA")), parseContentAddress),
  };
}

function splitFields(text: string): Map<string, Field[]> {
  const fail = (at: number, problem: string) => {
    throw new FormatError("narinfo", "line", at, problem);
  };
  if (text.length > MAX_BYTES) fail(MAX_BYTES, "the whole is longer than 1 MiB");
  const fields = new Map<string, Field[]>();
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    if (end < 0) fail(text.length, "has no line feed at its end");
    const line = text.slice(at, end);
    // Nix takes the value from two characters behind the colon without looking: `References:` with no space
    // swallows the line feed and the whole next line, so what it reads there is not what is seen.
    const key = /^([A-Za-z][A-Za-z0-9-]*): /.exec(line)?.[1];
    if (key === undefined) fail(at, "is not `Key: value`");
    const bad = /[^ -~]/.exec(line);
    if (bad) fail(at + bad.index, "has a character that is not printable ASCII");
    const field = { value: line.slice(key!.length + 2), offset: at + key!.length + 2 };
    const same = fields.get(key!);
    if (same) same.push(field);
    else fields.set(key!, [field]);
    at = end + 1;
  }
  return fields;
}

function single(fields: Map<string, Field[]>, key: string): Field | undefined {
  const found = fields.get(key);
  // Nix takes the last of two, other readers the first: whoever sends two shows each its own.
  if (found && found.length > 1) throw new FormatError("narinfo", key, found[1]!.offset, "is given twice");
  return found?.[0];
}

function required(fields: Map<string, Field[]>, key: string): Field {
  const field = single(fields, key);
  if (!field) throw new FormatError("narinfo", key, 0, "is missing");
  return field;
}

function nonEmpty(field: Field | undefined): Field | undefined {
  return field?.value === "" ? undefined : field;
}

function read<T>(field: Field, parse: (value: string) => T): T;
function read<T>(field: Field | undefined, parse: (value: string) => T): T | undefined;
function read<T>(field: Field | undefined, parse: (value: string) => T): T | undefined {
  return field && parse(field.value);
}

function parseCompression(field: Field | undefined): Compression {
  const name = field?.value || "bzip2";
  const known = COMPRESSIONS.find((compression) => compression === name);
  if (known) return known;
  throw new FormatError("narinfo", "Compression", field!.offset, "is not one that Nix knows");
}

function parseSize(field: Field | undefined, key: string): number | undefined {
  if (!field) return undefined;
  const size = /^(0|[1-9][0-9]{0,15})$/.test(field.value) ? Number(field.value) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new FormatError("narinfo", key, field.offset, "is not a number below 2^53");
}

function parseNarSize(field: Field): number {
  const size = parseSize(field, "NarSize")!;
  if (size === 0) throw new FormatError("narinfo", "NarSize", field.offset, "is zero");
  return size;
}

function parseReferences(field: Field | undefined, storeDir: string): StorePath[] {
  if (!field || field.value === "") return [];
  const paths = field.value.split(" ").map((name) => parseStoreBaseName(name, storeDir));
  if (new Set(paths).size < paths.length) {
    throw new FormatError("narinfo", "References", field.offset, "names a path twice");
  }
  return paths.sort();
}

function parseDeriver(field: Field | undefined, storeDir: string): DrvPath | undefined {
  if (!field || field.value === "unknown-deriver") return undefined;
  return asDrvPath(parseStoreBaseName(field.value, storeDir));
}

function parseSignatures(fields: readonly Field[]): NixSignature[] {
  return [...new Set(fields.map((field) => field.value))].map(parseNixSignature);
}

/**
 * Only a path below the cache. A hostile cache could otherwise send the gate, which sits inside the user's
 * network, to any other host, or to another file of this one (server-side request forgery).
 */
function checkUrl(field: Field): string {
  const path = field.value.split("?", 1)[0]!;
  const fail = (problem: string) => {
    throw new FormatError("narinfo", "URL", field.offset, problem);
  };
  if (/[^!-~]|[\\#"<>^`{|}]/.test(field.value)) fail("has a character that a URL may not have");
  if (path.includes(":")) fail("has a scheme");
  // URL parsers read %2e as a dot, and servers %2f as a slash: neither spelling has a use in these names.
  if (/%(?![0-9a-fA-F]{2})|%(00|2e|2f|5c)/i.test(path)) fail("hides a dot, slash or NUL behind an escape");
  if (path.split("/").some((segment) => segment === "" || segment === "." || segment === "..")) {
    fail("is not a plain path below the cache");
  }
  return field.value;
}

/** The narinfo as Nix writes it, fields in Nix's order. */
export function renderNarInfo(info: NarInfo): string {
  const lines = [
    `StorePath: ${info.storePath}`,
    `URL: ${info.url}`,
    `Compression: ${info.compression}`,
    ...(info.fileHash === undefined ? [] : [`FileHash: ${info.fileHash}`]),
    ...(info.fileSize === undefined ? [] : [`FileSize: ${info.fileSize}`]),
    `NarHash: ${info.narHash}`,
    `NarSize: ${info.narSize}`,
    `References: ${info.references.map(baseNameOf).join(" ")}`,
    ...(info.deriver === undefined ? [] : [`Deriver: ${baseNameOf(info.deriver)}`]),
    ...info.signatures.map((signature) => `Sig: ${renderNixSignature(signature)}`),
    ...(info.ca === undefined ? [] : [`CA: ${renderContentAddress(info.ca)}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** What a narinfo signature is made over: `1;<path>;<NarHash>;<NarSize>;<references>`. */
export function fingerprint(info: Pick<NarInfo, "storePath" | "narHash" | "narSize" | "references">): string {
  const references = [...new Set(info.references)].sort().join(",");
  return `1;${info.storePath};${info.narHash};${info.narSize};${references}`;
}
