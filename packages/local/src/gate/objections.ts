/**
 * Claim: nothing is built or handed out that wardens speak against, or that is made of something they speak against, as
 * far down as there are derivations: by the path of a derivation, an output or a source in the store, and by the hash of
 * what a download has to be. Against: a tarball whose author's own signature is valid; a compiler that came in earlier
 * and lies in the store. Leaves out what is in an output by other ways than its derivation's inputs.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import { type Distrust, doubtText, type Objection, objectionText } from "@firstmile/trust/slice/distrust";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { CorruptDerivation } from "../admission/derivation-reader.ts";
import type { Recipe, Recipes } from "./recipes.ts";

/** Something that is spoken against. */
export interface AgainstPath {
  readonly path: StorePath;
  readonly objection: Objection;
}

/** The same, and the recipe in which it was found. */
interface Found extends AgainstPath {
  readonly recipe: DrvPath;
}

/** How many are looked at before others get a turn. */
const A_TURN = 250;
const REMEDY = "use a version without a distrust against it; firstmile audit lists what else it touches";

export class StoreObjections {
  readonly #recipes: Recipes;
  /** What was found to be free of it, by the words that it was compared with. */
  readonly #free = new WeakMap<Distrust, Set<DrvPath>>();

  constructor(recipes: Recipes) {
    this.#recipes = recipes;
  }

  /** What speaks against a derivation or anything that it is made of; undefined where nothing does. */
  async against(distrust: Distrust, derivation: DrvPath): Promise<Reason | undefined> {
    if (!speaksOfStore(distrust)) return undefined;
    try {
      const found = await this.#find(distrust, derivation);
      return found && reasonOf(derivation, found);
    } catch (error) {
      if (error instanceof CorruptDerivation || error instanceof FormatError) return unread(error);
      throw error;
    }
  }

  /** The nearest one. */
  async #find(distrust: Distrust, derivation: DrvPath): Promise<Found | undefined> {
    const free = this.#free.get(distrust) ?? new Set();
    this.#free.set(distrust, free);
    const seen = new Set([derivation].filter((path) => !free.has(path)));
    let done = 0;
    // It grows while it is walked.
    for (const path of seen) {
      const recipe = this.#recipes.of(path);
      const found = againstRecipe(distrust, path, recipe);
      if (found) return { ...found, recipe: path };
      for (const input of recipe.inputs) if (!free.has(input)) seen.add(input);
      if (++done % A_TURN === 0) await new Promise(setImmediate);
    }
    for (const path of seen) free.add(path);
    return undefined;
  }
}

/** Whether anything is spoken against that could be in a store. */
export function speaksOfStore(distrust: Distrust): boolean {
  return !distrust.contents().next().done || !distrust.storePaths().next().done;
}

/** Against a derivation itself, what it makes, or a source that it takes; not against what its inputs are made of. */
export function againstRecipe(
  distrust: Distrust,
  derivation: DrvPath,
  { outputs, sources, isFixed }: Recipe,
): AgainstPath | undefined {
  for (const path of [derivation, ...outputs, ...sources]) {
    const isContent = path !== derivation && (isFixed || !outputs.includes(path));
    const objection = distrust.ofStorePath(path) ?? (isContent ? distrust.ofFixedPath(path) : undefined);
    if (objection) return { path, objection };
  }
  return undefined;
}

function reasonOf(derivation: DrvPath, { path, recipe, objection }: Found): Reason {
  if (path === derivation) return distrusted({ path, objection });
  const what = recipe === derivation ? "makes or takes" : "rests on";
  const { by, because, doubt } = objection;
  const message = `${derivation} ${what} ${path}, which ${by.join(" and ")} distrusts: ${because}${doubtText(doubt)}`;
  return lacking("distrusted", message, { remedy: REMEDY });
}

/** A word against one path. */
export function distrusted({ path, objection }: AgainstPath): Reason {
  return lacking("distrusted", objectionText(objection, path), { remedy: REMEDY });
}

/** Of an output by itself, whatever gives it. */
export function againstOutput(distrust: Distrust, path: StorePath): Reason | undefined {
  const objection = distrust.ofStorePath(path);
  return objection && distrusted({ path, objection });
}

/** Without what it is made of nobody can say that nothing of it is distrusted. */
function unread(error: Error): Reason {
  return lacking("derivation-corrupt", `what is distrusted cannot be looked for: ${error.message}`, {
    remedy: "evaluate it again, so that its derivations are in the store: firstmile admit …",
  });
}
