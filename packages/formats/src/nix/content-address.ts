/**
 * The `CA` field of a narinfo: how a path's own contents name it. Nix takes such a path without any signature once
 * the path recomputes, so it proves what the contents are and never where they came from.
 */
import { FormatError } from "../bytes/error.ts";
import { type NixHash, narHashOf, nix32Hash, parseHash } from "./hash.ts";
import {
  fixedOutputPath,
  type IngestionMethod,
  methodPrefix,
  nameOf,
  type StorePath,
  sourceStorePath,
  storeDirOf,
  textStorePathOf,
} from "./store-path.ts";

export interface ContentAddress {
  readonly method: IngestionMethod;
  readonly hash: NixHash;
}

/** `text:sha256:…`, `fixed:sha256:…`, `fixed:r:sha256:…` or `fixed:git:sha1:…`. */
export function parseContentAddress(text: string): ContentAddress {
  const split = /^(text|fixed):(?:(r|git):)?(?=[a-z0-9]+:)/.exec(text);
  if (!split) throw new FormatError("narinfo", "CA", 0, "is neither text: nor fixed:");
  const method =
    split[1] === "text" ? "text" : split[2] === "r" ? "nar" : split[2] === "git" ? "git" : "flat";
  const hash = parseHash(text.slice(split[0].length));
  if (method === "text" && (hash.algorithm !== "sha256" || split[2] !== undefined)) {
    throw new FormatError("narinfo", "CA", split[0].length, "text must be hashed by sha256");
  }
  return { method, hash };
}

export function renderContentAddress(ca: ContentAddress): string {
  const prefix = ca.method === "text" ? "text:" : `fixed:${methodPrefix(ca.method)}`;
  return prefix + nix32Hash(ca.hash);
}

/**
 * Whether `path` is the one that these contents and references compute to. False too where Nix has no such path:
 * references beside a flat or Git hash.
 */
export function isContentAddressedBy(
  path: StorePath,
  ca: ContentAddress,
  references: readonly StorePath[],
): boolean {
  const others = references.filter((reference) => reference !== path);
  const self = others.length < references.length;
  const storeDir = storeDirOf(path);
  if (ca.method === "text") {
    return !self && textStorePathOf(nameOf(path), ca.hash.digest, others, storeDir) === path;
  }
  if (ca.method === "nar" && ca.hash.algorithm === "sha256") {
    return sourceStorePath(narHashOf(ca.hash.digest), nameOf(path), others, self, storeDir) === path;
  }
  return references.length === 0 && fixedOutputPath(ca.method, ca.hash, nameOf(path), storeDir) === path;
}
