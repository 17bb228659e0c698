/**
 * Where derivations, and the sources that they name, are read from: the real store, or what a sealed evaluation left.
 *
 * Claims: a derivation that a reader hands out is the one that its path names, byte for byte, and a source that it
 * calls explained is named by its own content. Against: a store whose files were changed, and an evaluation that
 * wrote its own. The real store's reader is below; the sealed one is sealing/brought-out.ts. Leaves out whether the
 * outputs follow from a derivation, which closure.ts computes.
 */
import { lstatSync, readFileSync } from "node:fs";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationReferences } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import {
  type DrvPath,
  nameOf,
  type StorePath,
  storeDirOf,
  textStorePath,
} from "@firstmile/formats/nix/store-path";
import { unexplainedSource } from "./input-sources.ts";
import { NixError, type NixTools } from "./nix-tools.ts";

/** A source that nothing explains, and what is wrong with it, as words behind the path. */
export interface UnexplainedSource {
  readonly path: StorePath;
  readonly problem: string;
  /** Where this is worse than something from outside. */
  readonly refusal?: { readonly code: "derivation-corrupt" | "evaluation-failed"; readonly remedy: string };
}

export interface DerivationReader {
  /** What the paths are called: usually /nix/store. */
  readonly storeDir: string;
  /** What a person does about a derivation that is not what its path names. */
  readonly ifCorrupt: string;
  /** Throws `CorruptDerivation` or `FormatError` unless the bytes there are those that the path names. */
  derivation(path: DrvPath): Derivation;
  /** The first of these that is not named by its content; undefined where all are. Throws `NixError`. */
  unexplained(sources: readonly StorePath[]): Promise<UnexplainedSource | undefined>;
  /** These paths and all that they refer to. Throws `NixError`. To be asked once `unexplained` found none. */
  requisites(paths: Iterable<StorePath>): Promise<ReadonlySet<string>>;
}

/** A derivation that is not what its path names, or that cannot be read at all. */
export class CorruptDerivation extends Error {
  constructor(path: DrvPath, problem: string) {
    super(`${path} ${problem}`);
    this.name = "CorruptDerivation";
  }
}

/** Bytes of a .drv file. */
export const MAX_DRV_BYTES = 64 << 20;

/** Paths in one command: an argument list has an end. */
const BATCH = 500;

/** The store that this Nix uses. */
export function storeReader(nix: NixTools): DerivationReader {
  const { storeDir } = nix;
  return {
    storeDir,
    ifCorrupt:
      "nix-store --verify --check-contents finds what else was changed; delete the path and evaluate again",
    derivation: (path) => readDerivation(path, storeDir),
    async unexplained(sources) {
      const path = await unexplainedSource(nix, sources);
      return path && { path, problem: "from this store, which is not named by its content" };
    },
    requisites: (paths) => storeRequisites(nix, [...paths]),
  };
}

/** One derivation from a store directory. Throws `CorruptDerivation` or `FormatError`. */
export function readDerivation(path: DrvPath, storeDir: string): Derivation {
  if (storeDirOf(path) !== storeDir) throw new CorruptDerivation(path, `is not in ${storeDir}`);
  return asDerivation(path, readDrvFile(path), storeDir);
}

/** What these bytes are, if they are what the path names. Throws `CorruptDerivation`. */
export function asDerivation(path: DrvPath, bytes: Uint8Array, storeDir: string): Derivation {
  const derivation = parsed(path, bytes, storeDir);
  // Only one spelling is parsed, so the bytes at hand are those that would be rendered.
  if (textStorePath(nameOf(path), bytes, derivationReferences(derivation), storeDir) !== path)
    throw new CorruptDerivation(path, "does not hold what its path names");
  return derivation;
}

function parsed(path: DrvPath, bytes: Uint8Array, storeDir: string): Derivation {
  try {
    return parseDerivation(bytes, storeDir);
  } catch (error) {
    if (error instanceof FormatError) throw new CorruptDerivation(path, `cannot be read: ${error.message}`);
    throw error;
  }
}

function readDrvFile(path: DrvPath): Buffer {
  try {
    // A pipe in its place would never end.
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.size > MAX_DRV_BYTES)
      throw new CorruptDerivation(path, "is not a derivation file");
    return readFileSync(path);
  } catch (error) {
    if (error instanceof CorruptDerivation || !(error instanceof Error)) throw error;
    throw new CorruptDerivation(path, "is not in the store or cannot be read");
  }
}

async function storeRequisites(nix: NixTools, paths: readonly StorePath[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (let from = 0; from < paths.length; from += BATCH) {
    const args = ["--query", "--requisites", ...paths.slice(from, from + BATCH)];
    const told = await nix.run("nix-store", args, { offline: true });
    if (told.code !== 0) throw new NixError(`the store does not say what is in it: ${told.stderr.trim()}`);
    for (const path of told.stdout.toString("latin1").split("\n")) found.add(path);
  }
  return found;
}
