/**
 * Resolution: what Nix turns a derivation into before building it, once it knows what its floating inputs came to.
 * Inputs become plain sources, placeholders become paths, and outputs that waited for this get theirs. The result
 * is another .drv, so whoever allows builds by .drv must be able to compute it.
 *
 * Leaves out dynamic derivations, whose placeholders name outputs of outputs: the parser refuses them. Whether the
 * realised outputs can be trusted is the caller's question.
 * Source: Nix manual, "Resolved derivation"; read in Nix 2.8, 2.34 and the 2.36 pre-release.
 */

import { encodeNix32 } from "./base32.ts";
import { type Derivation, type DerivationOutput, derivationKind } from "./derivation.ts";
import { outputPathsOf } from "./derivation-hash.ts";
import { sha256 } from "./hash.ts";
import {
  type DrvPath,
  drvNameOf,
  hashPartOf,
  outputPathName,
  STORE_DIR,
  type StorePath,
} from "./store-path.ts";

/** What stands in a derivation for an output of an input that has no path yet. */
export function downstreamPlaceholder(input: DrvPath, outputName: string): string {
  const name = outputPathName(drvNameOf(input), outputName);
  return `/${encodeNix32(sha256(`nix-upstream-output:${hashPartOf(input)}:${name}`))}`;
}

/** What stands in a derivation for its own output: `builtins.placeholder`. */
export function hashPlaceholder(outputName: string): string {
  return `/${encodeNix32(sha256(`nix-output:${outputName}`))}`;
}

/**
 * Whether Nix builds this derivation only in its resolved form. `caDerivations`: whether that experimental feature
 * is on, since then fixed outputs are resolved too.
 */
export function isResolvedFirst(drv: Derivation, caDerivations: boolean): boolean {
  if (drv.inputDrvs.size === 0) return false;
  const kind = derivationKind(drv);
  return kind === "fixed" ? caDerivations : kind !== "input-addressed";
}

/** The path that an output of an input was built to, or undefined where it is not known. */
export type Realised = (input: DrvPath, outputName: string) => StorePath | undefined;

/**
 * The resolved derivation, or undefined while an input is not realised. `name` is without `.drv`; the result keeps
 * it. This is what 2.8 writes, and by its source 2.34. The 2.36 pre-release refuses a deferred output whose variable
 * is neither empty nor its path, where this overwrites it; no evaluation makes such a derivation.
 */
export function resolveDerivation(
  drv: Derivation,
  name: string,
  realised: Realised,
  storeDir: string = STORE_DIR,
): Derivation | undefined {
  const rewrites = new Map<string, string>();
  for (const [input, outputNames] of drv.inputDrvs) {
    for (const outputName of outputNames) {
      const path = realised(input, outputName);
      if (path === undefined) return undefined;
      rewrites.set(downstreamPlaceholder(input, outputName), path);
    }
  }
  return withOutputPaths(rewritten(drv, rewrites), name, storeDir);
}

function rewritten(drv: Derivation, rewrites: ReadonlyMap<string, string>): Derivation {
  const rewrite = rewriter(rewrites);
  const env = new Map<string, string>();
  for (const [key, value] of [...drv.env].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const newKey = rewrite(key);
    // Two keys that become one: Nix keeps the first in the old order.
    if (!env.has(newKey)) env.set(newKey, rewrite(value));
  }
  const sources = new Set([...drv.inputSrcs, ...(rewrites.values() as Iterable<StorePath>)]);
  return {
    ...drv,
    inputDrvs: new Map(),
    inputSrcs: [...sources].sort(),
    builder: rewrite(drv.builder),
    args: drv.args.map(rewrite),
    env,
  };
}

/**
 * One pass over each text, however many rewrites there are: every placeholder is a slash and 52 digits, and no
 * path that replaces one can hold another.
 */
function rewriter(rewrites: ReadonlyMap<string, string>): (text: string) => string {
  if (rewrites.size === 0) return (text) => text;
  return (text) => {
    let result = "";
    let copied = 0;
    for (let at = text.indexOf("/"); at >= 0; at = text.indexOf("/", at)) {
      const path = rewrites.get(text.slice(at, at + PLACEHOLDER_LENGTH));
      if (path === undefined) at++;
      else {
        result += text.slice(copied, at) + path;
        at += PLACEHOLDER_LENGTH;
        copied = at;
      }
    }
    return result + text.slice(copied);
  };
}

const PLACEHOLDER_LENGTH = 53;

/** Deferred outputs get the paths that now follow, in the output and in the variable of its name. */
function withOutputPaths(drv: Derivation, name: string, storeDir: string): Derivation {
  if (derivationKind(drv) !== "deferred") return drv;
  const outputs = new Map<string, DerivationOutput>(drv.outputs);
  const env = new Map(drv.env);
  for (const [outputName, path] of outputPathsOf(drv, name, () => undefined, storeDir)) {
    outputs.set(outputName, { kind: "input-addressed", path: path! });
    env.set(outputName, path!);
  }
  return { ...drv, outputs, env };
}
