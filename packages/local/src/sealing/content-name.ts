/**
 * How a source's own content names its path, as Nix does it for everything that an evaluation copies.
 *
 * Claim: an address that comes back gives exactly this path from this content and these references. There are three
 * ways: a whole tree (`./.`, `builtins.path`), the bytes of a file (`builtins.path { recursive = false; }`), and a text
 * that refers to others (`builtins.toFile`). What a text refers to is guessed first, and proven by the path. Against: a
 * private store in which one source has the name of another. Leaves out outputs of builds, which have no such name.
 */
import { type ContentAddress, isContentAddressedBy } from "@firstmile/formats/nix/content-address";
import { narHashAsHash, type StorePath } from "@firstmile/formats/nix/store-path";
import type { CopiedSource } from "./copied-source.ts";

/** A path's address, and what it refers to. */
export interface ContentName {
  readonly ca: ContentAddress;
  readonly references: readonly StorePath[];
}

/** The address that gives this path without any reference. */
export function nameWithoutReferences(path: StorePath, source: CopiedSource): ContentName | undefined {
  const addresses: ContentAddress[] = [{ method: "nar", hash: narHashAsHash(source.narHash) }];
  if (source.file) {
    const hash = { algorithm: "sha256", digest: source.file.digest } as const;
    addresses.push({ method: "flat", hash }, { method: "text", hash });
  }
  const ca = addresses.find((address) => isContentAddressedBy(path, address, []));
  return ca && { ca, references: [] };
}

/** The address of a text that refers to exactly these. */
export function textName(
  path: StorePath,
  { file }: CopiedSource,
  references: readonly StorePath[],
): ContentName | undefined {
  if (!file) return undefined;
  const ca: ContentAddress = { method: "text", hash: { algorithm: "sha256", digest: file.digest } };
  const sorted = [...new Set(references)].sort();
  return isContentAddressedBy(path, ca, sorted) ? { ca, references: sorted } : undefined;
}

/**
 * The store paths that a text names, as far as `byHash` knows them: what it most likely refers to. `byHash` takes the 32
 * characters of a path's hash.
 */
export function pathsIn(
  text: Buffer,
  storeDir: string,
  byHash: (hash: string) => readonly StorePath[],
): StorePath[] {
  const found = new Set<StorePath>();
  const prefix = Buffer.from(`${storeDir}/`);
  for (let at = text.indexOf(prefix); at >= 0; at = text.indexOf(prefix, at + prefix.length)) {
    const from = at + prefix.length;
    for (const path of byHash(text.toString("latin1", from, from + HASH_CHARS))) {
      const base = Buffer.from(path.slice(prefix.length));
      if (text.subarray(from, from + base.length).equals(base)) found.add(path);
    }
  }
  return [...found];
}

const HASH_CHARS = 32;
