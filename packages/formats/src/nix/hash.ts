/**
 * Hashes as Nix writes them: `sha256:<nix32 | hex | base64>` or SRI `sha256-<base64>`. Many spellings in, one value
 * out, so that comparing two hashes never compares spellings.
 *
 * Leaves out BLAKE3 (an experimental feature of Nix 2.27 and newer) and SRI options and lists: refused.
 */
import { createHash } from "node:crypto";
import { FormatError } from "../bytes/error.ts";
import { decodeBase64, decodeHex, encodeBase64, encodeHex } from "../bytes/text.ts";
import { decodeNix32, encodeNix32 } from "./base32.ts";

export type HashAlgorithm = "md5" | "sha1" | "sha256" | "sha512";

const DIGEST_LENGTH: ReadonlyMap<string, number> = new Map([
  ["md5", 16],
  ["sha1", 20],
  ["sha256", 32],
  ["sha512", 64],
]);

export interface NixHash {
  readonly algorithm: HashAlgorithm;
  readonly digest: Uint8Array;
}

declare const narHashBrand: unique symbol;

/** SHA-256 of a NAR, always spelt `sha256:` and 52 nix32 characters, so that equal hashes are equal strings. */
export type NarHash = string & { readonly [narHashBrand]: true };

/**
 * A hash with its algorithm in front, in any spelling that Nix takes; hex in either case.
 * Throws `FormatError` on any other algorithm, length or spelling.
 */
export function parseHash(text: string): NixHash {
  const split = /^([a-z0-9]{1,8})([:-])/.exec(text);
  if (!split) throw new FormatError("nix hash", "algorithm", 0, "is missing");
  const algorithm = parseHashAlgorithm(split[1]!);
  const rest = text.slice(split[0].length);
  return { algorithm, digest: decodeDigest(rest, algorithm, split[2] === "-", split[0].length) };
}

export function parseHashAlgorithm(text: string): HashAlgorithm {
  if (!DIGEST_LENGTH.has(text)) throw new FormatError("nix hash", "algorithm", 0, "is not one that is known");
  return text as HashAlgorithm;
}

/** Bytes of a digest of this algorithm. */
export function digestLength(algorithm: HashAlgorithm): number {
  return DIGEST_LENGTH.get(algorithm)!;
}

/** Which spelling it is follows from the length alone, as in Nix: 64, 52 and 44 characters for SHA-256. */
function decodeDigest(text: string, algorithm: HashAlgorithm, sri: boolean, offset: number): Uint8Array {
  const bytes = digestLength(algorithm);
  if (text.length === Math.ceil(bytes / 3) * 4) return exactly(decodeBase64(text), bytes, offset);
  if (!sri && text.length === bytes * 2) return decodeHex(text);
  if (!sri && text.length === Math.ceil((bytes * 8) / 5)) return decodeNix32(text);
  throw new FormatError(
    "nix hash",
    "digest",
    offset,
    `has ${text.length} characters, wrong for ${algorithm}`,
  );
}

function exactly(digest: Uint8Array, length: number, offset: number): Uint8Array {
  if (digest.length === length) return digest;
  throw new FormatError("nix hash", "digest", offset, `has ${digest.length} bytes in place of ${length}`);
}

/** The NAR hash in its one spelling. Throws `FormatError` where the hash is not SHA-256. */
export function parseNarHash(text: string): NarHash {
  const hash = parseHash(text);
  if (hash.algorithm !== "sha256") throw new FormatError("nix hash", "algorithm", 0, "is not sha256");
  return narHashOf(hash.digest);
}

/** The NAR hash of a raw SHA-256 digest of 32 bytes. */
export function narHashOf(digest: Uint8Array): NarHash {
  return `sha256:${encodeNix32(exactly(digest, 32, 0))}` as NarHash;
}

/** The raw digest of a NAR hash: 32 bytes. */
export function narHashDigest(hash: NarHash): Uint8Array {
  return decodeNix32(hash.slice("sha256:".length));
}

/** `sha256-<base64>`, as flake.lock and `nix hash` have it. */
export function sriHash(hash: NixHash | NarHash): string {
  if (typeof hash === "string") return `sha256-${encodeBase64(narHashDigest(hash))}`;
  return `${hash.algorithm}-${encodeBase64(hash.digest)}`;
}

/** `sha256:<nix32>`, as narinfo has it. */
export function nix32Hash(hash: NixHash): string {
  return `${hash.algorithm}:${encodeNix32(hash.digest)}`;
}

/** `sha256:<hex>`, as store paths are computed from it. */
export function hexHash(hash: NixHash | NarHash): string {
  if (typeof hash === "string") return `sha256:${encodeHex(narHashDigest(hash))}`;
  return `${hash.algorithm}:${encodeHex(hash.digest)}`;
}

/** SHA-256 of bytes, or of a string's bytes where each character stands for one byte. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const hash = createHash("sha256");
  return (typeof data === "string" ? hash.update(data, "latin1") : hash.update(data)).digest();
}
