/**
 * Claim: nothing is built or handed out that wardens speak against, or that is made of something they speak against, as
 * far down as there are derivations: by the path of a derivation, an output or a source in the store, and by the hash of
 * what a download has to be. Against: a tarball whose author's own signature is valid; a compiler that came in earlier
 * and lies in the store. Leaves out what is in an output by other ways than its derivation's inputs.
 *
 * What a derivation is made of never changes, so each is read once.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { Distrust, Objection } from "@firstmile/trust/slice/distrust";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { CorruptDerivation, readDerivation } from "../admission/closure.ts";

/** What of a derivation can be spoken against, and what it is made of. */
interface Recipe {
  readonly outputs: readonly StorePath[];
  readonly sources: readonly StorePath[];
  readonly inputs: readonly DrvPath[];
  readonly isFixed: boolean;
}

/** Something that is spoken against, and the recipe in which it was found. */
export interface Found {
  readonly path: StorePath;
  readonly recipe: DrvPath;
  readonly objection: Objection;
}

/** Recipes held at most: a few hundred bytes each, and nixpkgs has some 100,000. */
const MAX_RECIPES = 200_000;
/** How many are looked at before others get a turn. */
const A_TURN = 250;
const REMEDY = "use a version that nobody distrusts; firstmile audit lists what else it touches";

export class StoreObjections {
  readonly #storeDir: string;
  readonly #recipes = new Map<DrvPath, Recipe>();
  /** What was found to be free of it, by the words that it was compared with. */
  readonly #free = new WeakMap<Distrust, Set<DrvPath>>();

  constructor(storeDir: string) {
    this.#storeDir = storeDir;
  }

  /** What speaks against a derivation or anything that it is made of; undefined where nothing does. */
  async against(distrust: Distrust, derivation: DrvPath): Promise<Reason | undefined> {
    if (!speaksOfStore(distrust)) return undefined;
    try {
      const found = await this.find(distrust, derivation);
      return found && reasonOf(derivation, found);
    } catch (error) {
      if (error instanceof CorruptDerivation || error instanceof FormatError) return unread(error);
      throw error;
    }
  }

  /** The nearest one. Throws `CorruptDerivation` or `FormatError` where a recipe cannot be read. */
  async find(distrust: Distrust, derivation: DrvPath): Promise<Found | undefined> {
    const free = this.#free.get(distrust) ?? new Set();
    this.#free.set(distrust, free);
    const seen = new Set([derivation].filter((path) => !free.has(path)));
    let done = 0;
    // It grows while it is walked.
    for (const path of seen) {
      const recipe = this.#recipe(path);
      const found = objectionTo(distrust, path, recipe);
      if (found) return found;
      for (const input of recipe.inputs) if (!free.has(input)) seen.add(input);
      if (++done % A_TURN === 0) await new Promise(setImmediate);
    }
    for (const path of seen) free.add(path);
    return undefined;
  }

  #recipe(path: DrvPath): Recipe {
    const known = this.#recipes.get(path);
    if (known) return known;
    const recipe = recipeOf(readDerivation(path, this.#storeDir));
    if (this.#recipes.size >= MAX_RECIPES) this.#recipes.clear();
    this.#recipes.set(path, recipe);
    return recipe;
  }
}

/** Whether anything is spoken against that could be in a store. */
export function speaksOfStore(distrust: Distrust): boolean {
  return !distrust.contents().next().done || !distrust.storePaths().next().done;
}

function recipeOf(derivation: Derivation): Recipe {
  const outputs = [...derivation.outputs.values()].flatMap((one) => ("path" in one ? [one.path] : []));
  const { inputSrcs, inputDrvs } = derivation;
  const isFixed = derivationKind(derivation) === "fixed";
  return { outputs, sources: [...inputSrcs], inputs: [...inputDrvs.keys()], isFixed };
}

function objectionTo(
  distrust: Distrust,
  derivation: DrvPath,
  { outputs, sources, isFixed }: Recipe,
): Found | undefined {
  for (const path of [derivation, ...outputs, ...sources]) {
    const isContent = path !== derivation && (isFixed || !outputs.includes(path));
    const objection = distrust.ofStorePath(path) ?? (isContent ? distrust.ofFixedPath(path) : undefined);
    if (objection) return { path, recipe: derivation, objection };
  }
  return undefined;
}

function reasonOf(derivation: DrvPath, { path, recipe, objection }: Found): Reason {
  if (path === derivation) return distrusted(path, objection);
  const what = recipe === derivation ? "makes or takes" : "rests on";
  const { by, because } = objection;
  const message = `${derivation} ${what} ${path}, which ${by.join(" and ")} distrusts: ${because}`;
  return lacking("distrusted", message, { remedy: REMEDY });
}

function distrusted(path: StorePath, { by, because }: Objection): Reason {
  return lacking("distrusted", `${by.join(" and ")} distrusts ${path}: ${because}`, { remedy: REMEDY });
}

/** Of an output by itself, whatever gives it. */
export function againstOutput(distrust: Distrust, path: StorePath): Reason | undefined {
  const objection = distrust.ofStorePath(path);
  return objection && distrusted(path, objection);
}

/** Without what it is made of nobody can say that nothing of it is distrusted. */
function unread(error: Error): Reason {
  return lacking("derivation-corrupt", `what is distrusted cannot be looked for: ${error.message}`, {
    remedy: "evaluate it again, so that its derivations are in the store: firstmile admit …",
  });
}
