/**
 * Asks a Nix what paths refer to. The answer is a guess for who asks a sealed one: brought-out.ts proves it.
 */
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { pathInfo } from "../admission/input-sources.ts";
import { NixError, type NixTools } from "../admission/nix-tools.ts";
import type { AskReferences } from "./brought-out.ts";

/** Paths in one command: an argument list has an end. */
const BATCH = 500;

/** A Nix that does not answer, or answers with something else, knows nothing: its texts are then refused. */
export function askReferences(nix: Pick<NixTools, "run">): AskReferences {
  return async (paths) => {
    const told = new Map<string, readonly string[]>();
    for (let from = 0; from < paths.length; from += BATCH) {
      for (const [path, { references }] of await answer(nix, paths.slice(from, from + BATCH)))
        told.set(path, references);
    }
    return told;
  };
}

async function answer(nix: Pick<NixTools, "run">, paths: readonly StorePath[]) {
  try {
    return await pathInfo(nix, paths);
  } catch (error) {
    if (error instanceof NixError || error instanceof SyntaxError || error instanceof TypeError)
      return new Map<string, never>();
    throw error;
  }
}
