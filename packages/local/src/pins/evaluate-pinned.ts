/**
 * Evaluates an expression that fetches by pins: again and again, with one more tree each time, until it asks for none.
 *
 * Claims: the derivations follow from the tree that is asked for and from trees of authentic commits that were brought
 * for it, and from nothing else that is in this machine's store: each round has a seal of its own, in which no other
 * path is valid. Against: a fetcher's call with the hash of another tree that the store has.
 */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Evaluated } from "../admission/evaluate-file.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { atLeast, parseVersion } from "../nix-conf/version.ts";
import type { NotEvaluated } from "../sealing/evaluate.ts";
import { experimentalFeatures } from "../sealing/evaluator-settings.ts";
import type { SealRequest } from "../sealing/seal.ts";
import type { PinnedTrees } from "./pinned-trees.ts";

/** What one round may fetch. */
export interface Given {
  readonly seal: SealRequest;
  readonly env: Readonly<Record<string, string>>;
  /** Addresses that fetchers may be given. */
  readonly addresses: readonly string[];
}

export type EvaluateWith = (given: Given) => Promise<Evaluated | NotEvaluated>;

export type EvaluatedPinned = Evaluated | { readonly ok: false; readonly reasons: readonly Reason[] };

/** More than any project pins. Each is one evaluation. */
const MAX_ROUNDS = 100;

/** Evaluates with nothing to fetch, and then with what it asks for. Throws `NixError` where Nix cannot be run. */
export async function evaluatePinned(
  nix: NixTools,
  pins: PinnedTrees,
  evaluate: EvaluateWith,
): Promise<EvaluatedPinned> {
  let features: readonly string[] | undefined;
  let evaluated = await evaluate({ seal: {}, env: {}, addresses: [] });
  for (let round = 0; !evaluated.ok; round++) {
    if (evaluated.wanted === undefined) return { ok: false, reasons: [evaluated.reason] };
    if (round >= MAX_ROUNDS) return { ok: false, reasons: [tooMany()] };
    const refused = await pins.bring(evaluated.wanted);
    if (refused.length > 0) {
      const fewer =
        features === undefined && pins.isBrought(evaluated.wanted) ? await withoutFetchTree(nix) : undefined;
      if (!fewer) return { ok: false, reasons: refused };
      features = fewer;
    }
    evaluated = await evaluate(given(pins, features));
  }
  return evaluated;
}

function given({ trees, cache, addresses }: PinnedTrees, features: readonly string[] | undefined): Given {
  return {
    seal: { inputs: trees, ...(cache === undefined ? {} : { cache }), ...(features ? { features } : {}) },
    env: cache === undefined ? {} : { XDG_CACHE_HOME: cache },
    addresses,
  };
}

/**
 * The same Nix without `builtins.fetchTree`, for loaders that take it where there is one and `fetchTarball` otherwise:
 * 2.34's asks the network for a tree that lies in the store. 2.34 is the oldest version where that was tried. Undefined
 * where Nix has the function in any case.
 */
async function withoutFetchTree(nix: NixTools): Promise<readonly string[] | undefined> {
  const parsed = parseVersion(nix.version);
  if (!parsed || !atLeast(parsed, 2, 34)) return undefined;
  const features = await experimentalFeatures(nix);
  if (!features.some((feature) => HAS_FETCH_TREE.has(feature))) return undefined;
  return features.filter((feature) => !HAS_FETCH_TREE.has(feature));
}

const HAS_FETCH_TREE: ReadonlySet<string> = new Set(["flakes", "fetch-tree"]);

function tooMany(): Reason {
  return lacking(
    "evaluation-failed",
    `the evaluation fetches more than ${MAX_ROUNDS} trees, one after the other`,
    { remedy: "pin fewer trees, or admit the attributes one by one" },
  );
}
