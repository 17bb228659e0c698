/** What derivations are made of, read once from a store: what a derivation's path names never changes. */
import { type Derivation, derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { DerivationReader } from "../admission/derivation-reader.ts";
import { isImpure } from "./impure.ts";

/** What of a derivation can be spoken against, and what it is made of. */
export interface Recipe {
  /** Those whose paths are known before building. */
  readonly outputs: readonly StorePath[];
  readonly sources: readonly StorePath[];
  readonly inputs: readonly DrvPath[];
  readonly isFixed: boolean;
  /** Whether it is built with the network, and no hash says what comes out. */
  readonly isImpure: boolean;
}

/** Held at most: a few hundred bytes each, and nixpkgs has some 100,000. */
const MAX_RECIPES = 200_000;

export class Recipes {
  readonly #reader: Pick<DerivationReader, "derivation">;
  readonly #known = new Map<DrvPath, Recipe>();

  constructor(reader: Pick<DerivationReader, "derivation">) {
    this.#reader = reader;
  }

  /** Throws `CorruptDerivation` or `FormatError` where it cannot be read as what its path names. */
  of(path: DrvPath): Recipe {
    const known = this.#known.get(path);
    if (known) return known;
    const recipe = recipeOf(this.#reader.derivation(path));
    if (this.#known.size >= MAX_RECIPES) this.#known.clear();
    this.#known.set(path, recipe);
    return recipe;
  }
}

function recipeOf(derivation: Derivation): Recipe {
  const outputs = [...derivation.outputs.values()].flatMap((one) => ("path" in one ? [one.path] : []));
  const { inputSrcs, inputDrvs } = derivation;
  return {
    outputs,
    sources: [...inputSrcs],
    inputs: [...inputDrvs.keys()],
    isFixed: derivationKind(derivation) === "fixed",
    isImpure: isImpure(derivation),
  };
}
