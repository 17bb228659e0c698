/**
 * Reads derivations and everything below them, from the real store or from what a sealed evaluation left.
 *
 * Claims: each derivation here is what its path names, byte for byte, and each output path in it is the one that
 * follows from it. So a list of .drv paths stands for exactly these recipes, whoever wrote the files. Against: a
 * store whose files were changed behind Nix's back, and a derivation written by hand to claim another one's output.
 * And each source is named by its own content: derivation-reader.ts. Leaves out whether Nix's database knows the paths.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { Derivation } from "@firstmile/formats/nix/derivation";
import {
  type DerivationHash,
  hashDerivations,
  MissingInput,
  wrongOutputs,
} from "@firstmile/formats/nix/derivation-hash";
import { type DrvPath, drvNameOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { CorruptDerivation, type DerivationReader } from "./derivation-reader.ts";
import { outsideAccess } from "./evaluation-failure.ts";

export interface ClosureDerivation {
  /** Without `.drv`. */
  readonly name: string;
  readonly derivation: Derivation;
}

export type Closure =
  | { readonly ok: true; readonly derivations: ReadonlyMap<DrvPath, ClosureDerivation> }
  | { readonly ok: false; readonly reason: Reason };

/** The derivations of a closure by path, for what reads recipes. */
export function derivationsOf({
  derivations,
}: Extract<Closure, { ok: true }>): Pick<DerivationReader, "derivation"> {
  return {
    derivation(path) {
      const read = derivations.get(path);
      if (!read) throw new CorruptDerivation(path, "is not below what was evaluated");
      return read.derivation;
    },
  };
}

/** Limits against a closure made to be expensive; nixpkgs' largest have some 30,000. */
const MAX_DERIVATIONS = 500_000;
/** How many are read before others get a turn: the gate answers builds meanwhile. */
const A_TURN = 250;

/** The derivations at `roots` and all their inputs, in no particular order. */
export async function readClosure(reader: DerivationReader, roots: readonly DrvPath[]): Promise<Closure> {
  const derivations = new Map<DrvPath, ClosureDerivation>();
  const open = [...new Set(roots)];
  const seen = new Set<DrvPath>(open);
  try {
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const derivation = reader.derivation(path);
      derivations.set(path, { name: drvNameOf(path), derivation });
      for (const input of derivation.inputDrvs.keys()) {
        if (seen.size !== seen.add(input).size) open.push(input);
      }
      if (seen.size > MAX_DERIVATIONS) throw new CorruptDerivation(path, "has too many derivations below it");
      if (derivations.size % A_TURN === 0) await turn();
    }
    await checkOutputs(derivations, reader.storeDir);
    const reason = await checkSources(reader, derivations);
    return reason ? { ok: false, reason } : { ok: true, derivations };
  } catch (error) {
    return { ok: false, reason: corruption(error, reader.ifCorrupt) };
  }
}

/** Throws `CorruptDerivation` at the first output whose path does not follow, and `MissingInput`. */
export async function checkOutputs(
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
  reader: DerivationReader,
  derivations: ReadonlyMap<DrvPath, ClosureDerivation>,
): Promise<Reason | undefined> {
  const users = new Map<StorePath, DrvPath>();
  for (const [path, { derivation }] of derivations) {
    for (const source of derivation.inputSrcs) users.set(source, path);
  }
  const bad = await reader.unexplained([...users.keys()]);
  if (!bad) return undefined;
  const user = users.get(bad.path) ?? "something that a derivation takes";
  const what = `${user} takes ${bad.path} ${bad.problem}`;
  return bad.refusal ? lacking(bad.refusal.code, what, { remedy: bad.refusal.remedy }) : outsideAccess(what);
}

function corruption(error: unknown, remedy: string): Reason {
  if (error instanceof CorruptDerivation || error instanceof MissingInput || error instanceof FormatError)
    return lacking("derivation-corrupt", error.message, { remedy });
  throw error;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
