/**
 * The hash modulo of a derivation, and the output paths that follow from it. Lets a reader recompute each path that
 * a .drv claims for its outputs instead of believing it.
 *
 * Fixed outputs stand in for how they are fetched: two derivations that fetch the same content from different
 * places have the same hash here, so an output path alone never identifies the recipe.
 * Source: Nix manual, "Input-addressing derivation outputs".
 */
import { encodeHex } from "../bytes/text.ts";
import {
  type Derivation,
  type DerivationOutput,
  derivationKind,
  renderDerivationText,
} from "./derivation.ts";
import { sha256 } from "./hash.ts";
import {
  type DrvPath,
  drvNameOf,
  fixedOutputPath,
  methodAlgorithm,
  outputPath,
  outputPathName,
  STORE_DIR,
  type StorePath,
  storeDirOf,
} from "./store-path.ts";

export interface DerivationHash {
  /** `deferred` where some output below floats, so that no output path can be known before building. */
  readonly kind: "regular" | "deferred";
  /** By output name: 32 bytes. */
  readonly outputs: ReadonlyMap<string, Uint8Array>;
}

/** Looks up the hash of an input, as `hashDerivations` gives it. */
export type InputHashes = (input: DrvPath) => DerivationHash | undefined;

/** An input whose hash was asked for and not there, or an output that its derivation does not have. */
export class MissingInput extends Error {
  readonly input: DrvPath;

  constructor(input: DrvPath, problem: string) {
    super(`${input}: ${problem}`);
    this.name = "MissingInput";
    this.input = input;
  }
}

/**
 * Nix's `hashDerivationModulo`. With `maskOutputs` it is what the derivation's own output paths are computed from;
 * without, what stands for it in those that depend on it. Throws `MissingInput`.
 */
export function hashDerivationModulo(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  maskOutputs: boolean,
  storeDir: string = STORE_DIR,
): DerivationHash {
  const kind = derivationKind(drv);
  if (kind === "fixed") return { kind: "regular", outputs: fixedHashes(drv, name, storeDir) };
  if (kind === "impure") return { kind: "deferred", outputs: sameForAll(drv, sha256("impure")) };
  const { inputs, deferred } = inputsByHash(drv, inputHashes);
  const hash = sha256(renderDerivationText(drv, { inputs, maskOutputs }));
  return {
    kind: kind === "floating" || deferred ? "deferred" : "regular",
    outputs: sameForAll(drv, hash),
  };
}

function fixedHashes(drv: Derivation, name: string, storeDir: string): Map<string, Uint8Array> {
  const hashes = new Map<string, Uint8Array>();
  for (const [outputName, output] of drv.outputs) {
    if (output.kind !== "fixed") continue;
    const { method, hash } = output;
    const path = fixedOutputPath(method, hash, outputPathName(name, outputName), storeDir);
    const clear = `fixed:out:${methodAlgorithm(method, hash.algorithm)}:${encodeHex(hash.digest)}:${path}`;
    hashes.set(outputName, sha256(clear));
  }
  return hashes;
}

function sameForAll(drv: Derivation, hash: Uint8Array): Map<string, Uint8Array> {
  return new Map([...drv.outputs.keys()].map((name) => [name, hash]));
}

function inputsByHash(
  drv: Derivation,
  inputHashes: InputHashes,
): { inputs: Map<string, Set<string>>; deferred: boolean } {
  const inputs = new Map<string, Set<string>>();
  let deferred = false;
  for (const [path, names] of drv.inputDrvs) {
    const input = inputHashes(path);
    if (!input) throw new MissingInput(path, "its hash is not known");
    deferred ||= input.kind === "deferred";
    for (const name of names) {
      const hash = input.outputs.get(name);
      if (!hash) throw new MissingInput(path, `it has no output ${name}`);
      const hex = encodeHex(hash);
      inputs.set(hex, (inputs.get(hex) ?? new Set()).add(name));
    }
  }
  return { inputs, deferred };
}

/**
 * The paths that a derivation's outputs must have, by output name; undefined where a path is not known before
 * building. `name` is without `.drv`. Throws `MissingInput`.
 */
export function outputPathsOf(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  storeDir: string = STORE_DIR,
): Map<string, StorePath | undefined> {
  const kind = derivationKind(drv);
  const modulo =
    kind === "input-addressed" || kind === "deferred"
      ? hashDerivationModulo(drv, name, inputHashes, true, storeDir)
      : undefined;
  const paths = new Map<string, StorePath | undefined>();
  for (const [outputName, output] of drv.outputs) {
    if (output.kind === "fixed") {
      const pathName = outputPathName(name, outputName);
      paths.set(outputName, fixedOutputPath(output.method, output.hash, pathName, storeDir));
    } else if (modulo?.kind === "regular") {
      paths.set(outputName, outputPath(modulo.outputs.get(outputName)!, outputName, name, storeDir));
    } else paths.set(outputName, undefined);
  }
  return paths;
}

/**
 * Output names whose path in the .drv is not the one that follows from its contents: none in anything that Nix
 * wrote. A derivation that is written by hand could otherwise claim the path of another one. An output without a
 * path claims nothing: `nix develop` before 2.32 defers outputs that need not be.
 */
export function wrongOutputs(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  storeDir: string = STORE_DIR,
): string[] {
  const right = outputPathsOf(drv, name, inputHashes, storeDir);
  const isWrong = ([outputName, output]: [string, DerivationOutput]) =>
    "path" in output && output.path !== right.get(outputName);
  return [...drv.outputs].filter(isWrong).map(([outputName]) => outputName);
}

/**
 * The hashes (not masked) of derivations and everything below them. `read` gives the parsed derivation at a path;
 * what it throws passes through. Without recursion, so that a chain of any length is safe; a cycle, which paths
 * made of hashes rule out unless `read` lies, throws `MissingInput`.
 */
export function hashDerivations(
  roots: Iterable<DrvPath>,
  read: (path: DrvPath) => Derivation,
  known: Map<DrvPath, DerivationHash> = new Map(),
): Map<DrvPath, DerivationHash> {
  const open = new Map<DrvPath, Derivation>();
  const stack = [...roots];
  for (let path = stack.at(-1); path !== undefined; path = stack.at(-1)) {
    if (known.has(path)) {
      stack.pop();
      continue;
    }
    const opened = open.get(path);
    const drv = opened ?? read(path);
    // A fixed output's hash does not look below.
    const inputs = derivationKind(drv) === "fixed" ? [] : [...drv.inputDrvs.keys()];
    const waiting = inputs.filter((input) => !known.has(input));
    if (waiting.length === 0) {
      known.set(
        path,
        hashDerivationModulo(drv, drvNameOf(path), (p) => known.get(p), false, storeDirOf(path)),
      );
      open.delete(path);
      stack.pop();
    } else if (opened) throw new MissingInput(path, "it depends on itself");
    else {
      open.set(path, drv);
      for (const input of waiting) stack.push(input);
    }
  }
  return known;
}
