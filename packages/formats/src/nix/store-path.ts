/**
 * Store paths: `<store directory>/<32 nix32 characters>-<name>`, and the ways Nix computes them from contents.
 *
 * Whoever holds a `StorePath` holds a well-formed one directly below its store directory: no `..`, no second slash,
 * no file inside the path. It says nothing of whether the path exists or what is in it.
 * Source: Nix manual, "Complete Store Path Calculation".
 */
import { FormatError } from "../bytes/error.ts";
import { encodeHex } from "../bytes/text.ts";
import { decodeNix32, encodeNix32 } from "./base32.ts";
import { type HashAlgorithm, hexHash, type NarHash, type NixHash, narHashDigest, sha256 } from "./hash.ts";

declare const storePathBrand: unique symbol;
declare const drvPathBrand: unique symbol;
declare const storePathHashBrand: unique symbol;

/** A whole store path, with its store directory. */
export type StorePath = string & { readonly [storePathBrand]: true };
/** A store path whose name ends in `.drv`. */
export type DrvPath = StorePath & { readonly [drvPathBrand]: true };
/** The 32 characters behind the store directory: what a narinfo is asked for by. */
export type StorePathHash = string & { readonly [storePathHashBrand]: true };

export const STORE_DIR = "/nix/store";
const HASH_CHARS = 32;
const MAX_NAME = 211;

/** Throws `FormatError` unless the text is a store path directly below `storeDir`. */
export function parseStorePath(text: string, storeDir: string = STORE_DIR): StorePath {
  if (!text.startsWith(`${storeDir}/`)) {
    throw new FormatError("store path", "store directory", 0, `is not ${storeDir}`);
  }
  return parseStoreBaseName(text.slice(storeDir.length + 1), storeDir);
}

/** `<hash>-<name>`, as narinfo's References and Deriver have it, to a whole store path. */
export function parseStoreBaseName(text: string, storeDir: string = STORE_DIR): StorePath {
  parseStorePathHash(text.slice(0, HASH_CHARS));
  // Nix 2.8 does not look at this character; 2.19 and newer refuse anything else.
  if (text[HASH_CHARS] !== "-") throw new FormatError("store path", "dash", HASH_CHARS, "is missing");
  checkStoreName(text.slice(HASH_CHARS + 1), HASH_CHARS + 1);
  return `${storeDir}/${text}` as StorePath;
}

export function parseDrvPath(text: string, storeDir: string = STORE_DIR): DrvPath {
  return asDrvPath(parseStorePath(text, storeDir));
}

/** The same path as a derivation's. Throws `FormatError` unless its name ends in `.drv` with something before it. */
export function asDrvPath(path: StorePath): DrvPath {
  // A name may well end in a dash: `gcc-wrapper-` is one of the first that any package set builds.
  if (isDrvPath(path)) return path as DrvPath;
  throw new FormatError("store path", "name", path.length, "does not end in .drv");
}

export function isDrvPath(path: StorePath): path is DrvPath {
  return path.endsWith(".drv") && nameOf(path).length > 4;
}

export function parseStorePathHash(text: string): StorePathHash {
  if (text.length !== HASH_CHARS) {
    throw new FormatError("store path", "hash", text.length, `is not ${HASH_CHARS} characters`);
  }
  decodeNix32(text);
  return text as StorePathHash;
}

/**
 * Refuses a name that no store path may have. The rules of Nix 2.34, which are stricter than those of 2.8: `.` and
 * `..` are refused, alone and as the part before the first dash.
 */
export function checkStoreName(name: string, offset = 0): void {
  const fail = (at: number, problem: string) => {
    throw new FormatError("store path", "name", offset + at, problem);
  };
  if (name.length === 0) fail(0, "is empty");
  if (name.length > MAX_NAME) fail(MAX_NAME, `is longer than ${MAX_NAME} characters`);
  const bad = /[^0-9a-zA-Z+\-._?=]/.exec(name);
  if (bad) fail(bad.index, "has a character that is not allowed");
  if (/^\.\.?(-|$)/.test(name)) fail(0, "starts with . or ..");
}

/** `<hash>-<name>` of a store path. */
export function baseNameOf(path: StorePath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function hashPartOf(path: StorePath): StorePathHash {
  return baseNameOf(path).slice(0, HASH_CHARS) as StorePathHash;
}

/** What stands behind the hash and its dash. */
export function nameOf(path: StorePath): string {
  return baseNameOf(path).slice(HASH_CHARS + 1);
}

/** The derivation's name: that of its path without `.drv`. */
export function drvNameOf(path: DrvPath): string {
  return nameOf(path).slice(0, -".drv".length);
}

export function storeDirOf(path: StorePath): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** How the contents of a content-addressed path are turned into one hash. `nar` is Nix's "recursive". */
export type IngestionMethod = "flat" | "nar" | "text" | "git";

/** The path of a text file that may mention `references`: what `builtins.toFile` and .drv files have. */
export function textStorePath(
  name: string,
  content: Uint8Array,
  references: readonly StorePath[] = [],
  storeDir: string = STORE_DIR,
): StorePath {
  return textStorePathOf(name, sha256(content), references, storeDir);
}

/** `textStorePath` where only the SHA-256 of the content is known. */
export function textStorePathOf(
  name: string,
  digest: Uint8Array,
  references: readonly StorePath[] = [],
  storeDir: string = STORE_DIR,
): StorePath {
  return makeStorePath(withReferences("text", references), `sha256:${encodeHex(digest)}`, name, storeDir);
}

/** The path of a tree added by its NAR hash: what `nix-store --add` and fetched flake inputs have. */
export function sourceStorePath(
  narHash: NarHash,
  name: string,
  references: readonly StorePath[] = [],
  selfReference = false,
  storeDir: string = STORE_DIR,
): StorePath {
  const type = withReferences("source", references) + (selfReference ? ":self" : "");
  return makeStorePath(type, hexHash(narHash), name, storeDir);
}

/**
 * The path of contents that are known by their hash. Only `nar` with SHA-256 and `text` may have references.
 * Throws `FormatError` where Nix has no such path.
 */
export function fixedOutputPath(
  method: IngestionMethod,
  hash: NixHash,
  name: string,
  storeDir: string = STORE_DIR,
): StorePath {
  if (method === "text") {
    if (hash.algorithm !== "sha256") throw new FormatError("store path", "text hash", 0, "is not sha256");
    return textStorePathOf(name, hash.digest, [], storeDir);
  }
  if (method === "nar" && hash.algorithm === "sha256") {
    return makeStorePath("source", hexHash(hash), name, storeDir);
  }
  const inner = sha256(`fixed:out:${methodPrefix(method)}${hexHash(hash)}:`);
  return makeStorePath("output:out", `sha256:${encodeHex(inner)}`, name, storeDir);
}

/** What stands before the algorithm in a .drv: `r:` for `nar`, `text:`, `git:`, or nothing. */
export function methodPrefix(method: IngestionMethod): string {
  return { flat: "", nar: "r:", text: "text:", git: "git:" }[method];
}

/** `r:sha256` and its like, as a .drv spells method and algorithm of an output. */
export function methodAlgorithm(method: IngestionMethod, algorithm: HashAlgorithm): string {
  return methodPrefix(method) + algorithm;
}

/** The path of an input-addressed output. `drvHash` is the derivation's hash modulo: 32 bytes. */
export function outputPath(
  drvHash: Uint8Array,
  outputName: string,
  drvName: string,
  storeDir: string = STORE_DIR,
): StorePath {
  const name = outputPathName(drvName, outputName);
  return makeStorePath(`output:${outputName}`, `sha256:${encodeHex(drvHash)}`, name, storeDir);
}

/** `hello` for the output `out`, `hello-dev` for `dev`. */
export function outputPathName(drvName: string, outputName: string): string {
  return outputName === "out" ? drvName : `${drvName}-${outputName}`;
}

function withReferences(type: string, references: readonly StorePath[]): string {
  return [type, ...new Set([...references].sort())].join(":");
}

function makeStorePath(type: string, innerHash: string, name: string, storeDir: string): StorePath {
  checkStoreName(name);
  const digest = sha256(`${type}:${innerHash}:${storeDir}:${name}`);
  return `${storeDir}/${encodeNix32(compressHash(digest, 20))}-${name}` as StorePath;
}

/** Folds a digest to `length` bytes by exclusive or, as Nix shortens SHA-256 for store paths. */
export function compressHash(digest: Uint8Array, length: number): Uint8Array {
  const folded = new Uint8Array(length);
  digest.forEach((byte, i) => {
    folded[i % length]! ^= byte;
  });
  return folded;
}

/** The NAR hash as a `NixHash`, for functions that take any algorithm. */
export function narHashAsHash(hash: NarHash): NixHash {
  return { algorithm: "sha256", digest: narHashDigest(hash) };
}
