/**
 * Reads derivations and everything below them from the store directory.
 *
 * Claims: each derivation here is what its path names, byte for byte, and each output path in it is the one that
 * follows from it. So a list of .drv paths stands for exactly these recipes, whoever wrote the files. Against: a
 * store whose files were changed behind Nix's back, and a derivation written by hand to claim another one's output.
 * And each source is named by its own content: input-sources.ts. Leaves out whether Nix's database knows the paths.
 */
import { lstatSync, readFileSync } from "node:fs";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationReferences } from "@firstmile/formats/nix/derivation";
import {
  type DerivationHash,
  hashDerivations,
  MissingInput,
  wrongOutputs,
} from "@firstmile/formats/nix/derivation-hash";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import {
  type DrvPath,
  drvNameOf,
  nameOf,
  type StorePath,
  storeDirOf,
  textStorePath,
} from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { outsideAccess } from "./evaluation-failure.ts";
import { unexplainedSource } from "./input-sources.ts";
import type { NixTools } from "./nix-tools.ts";

export interface ClosureDerivation {
  /** Without `.drv`. */
  readonly name: string;
  readonly derivation: Derivation;
}

export type Closure =
  | { readonly ok: true; readonly derivations: ReadonlyMap<DrvPath, ClosureDerivation> }
  | { readonly ok: false; readonly reason: Reason };

/** Limits against a closure made to be expensive; nixpkgs' largest have some 30,000. */
const MAX_DERIVATIONS = 500_000;
const MAX_BYTES = 64 << 20;
/** How many are read before others get a turn: the gate answers builds meanwhile. */
const A_TURN = 250;

/** The derivations at `roots` and all their inputs, in no particular order. */
export async function readClosure(nix: NixTools, roots: readonly DrvPath[]): Promise<Closure> {
  const derivations = new Map<DrvPath, ClosureDerivation>();
  const open = [...new Set(roots)];
  const seen = new Set<DrvPath>(open);
  try {
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const derivation = readDerivation(path, nix.storeDir);
      derivations.set(path, { name: drvNameOf(path), derivation });
      for (const input of derivation.inputDrvs.keys()) {
        if (seen.size !== seen.add(input).size) open.push(input);
      }
      if (seen.size > MAX_DERIVATIONS) throw new CorruptDerivation(path, "has too many derivations below it");
      if (derivations.size % A_TURN === 0) await turn();
    }
    await checkOutputs(derivations, nix.storeDir);
    const reason = await checkSources(nix, derivations);
    return reason ? { ok: false, reason } : { ok: true, derivations };
  } catch (error) {
    return { ok: false, reason: corruption(error) };
  }
}

/** One derivation, if its bytes are those that its path names. Throws `CorruptDerivation` or `FormatError`. */
export function readDerivation(path: DrvPath, storeDir: string): Derivation {
  if (storeDirOf(path) !== storeDir) throw new CorruptDerivation(path, `is not in ${storeDir}`);
  const bytes = readDrvFile(path);
  const derivation = inFile(path, () => parseDerivation(bytes, storeDir));
  // Only one spelling is parsed, so the bytes at hand are those that would be rendered.
  if (textStorePath(nameOf(path), bytes, derivationReferences(derivation), storeDir) !== path)
    throw new CorruptDerivation(path, "does not hold what its path names");
  return derivation;
}

function readDrvFile(path: DrvPath): Buffer {
  try {
    // A pipe in its place would never end.
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new CorruptDerivation(path, "is no derivation file");
    return readFileSync(path);
  } catch (error) {
    if (error instanceof CorruptDerivation || !(error instanceof Error)) throw error;
    throw new CorruptDerivation(path, "is not in the store or cannot be read");
  }
}

function inFile<T>(path: DrvPath, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) throw new CorruptDerivation(path, `cannot be read: ${error.message}`);
    throw error;
  }
}

async function checkOutputs(
  derivations: ReadonlyMap<DrvPath, ClosureDerivation>,
  storeDir: string,
): Promise<void> {
  const hashes = new Map<DrvPath, DerivationHash>();
  const read = (path: DrvPath) => derivations.get(path)!.derivation;
  let done = 0;
  for (const [path, { name, derivation }] of derivations) {
    hashDerivations([...derivation.inputDrvs.keys()], read, hashes);
    const wrong = wrongOutputs(derivation, name, (input) => hashes.get(input), storeDir);
    if (wrong.length > 0)
      throw new CorruptDerivation(path, `claims a path for ${wrong.join(", ")} that does not follow from it`);
    if (++done % A_TURN === 0) await turn();
  }
}

async function checkSources(
  nix: NixTools,
  derivations: ReadonlyMap<DrvPath, ClosureDerivation>,
): Promise<Reason | undefined> {
  const users = new Map<StorePath, DrvPath>();
  for (const [path, { derivation }] of derivations) {
    for (const source of derivation.inputSrcs) users.set(source, path);
  }
  const bad = await unexplainedSource(nix, [...users.keys()]);
  return (
    bad && outsideAccess(`${users.get(bad)} takes ${bad} from this store, which is not named by its content`)
  );
}

export class CorruptDerivation extends Error {
  constructor(path: DrvPath, problem: string) {
    super(`${path} ${problem}`);
    this.name = "CorruptDerivation";
  }
}

function corruption(error: unknown): Reason {
  if (error instanceof CorruptDerivation || error instanceof MissingInput || error instanceof FormatError)
    return lacking("derivation-corrupt", error.message, {
      remedy:
        "nix-store --verify --check-contents finds what else was changed; delete the path and evaluate again",
    });
  throw error;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
