/**
 * Impure derivations (`__impure = true`): Nix builds them with the network, anew each time, and no hash says what must
 * come out. Claims: one is admitted and built only where the rules say `[output] impure = true`. Against: a download
 * written so that no `[[upstream]]` rule and no hash is asked about it.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import type { Policy } from "@firstmile/trust/policy/policy";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { CorruptDerivation } from "../admission/derivation-reader.ts";
import type { Recipes } from "./recipes.ts";

/** By its outputs, and by the attribute: what is resolved from an impure one keeps at least that. */
export function isImpure(derivation: Derivation): boolean {
  return derivationKind(derivation) === "impure" || isSet(derivation.env.get("__impure"));
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}

/** The first impure derivation of a closure, as a reason to deny; undefined where there is none or rules allow it. */
export function impureIn(
  { output }: Policy,
  derivations: ReadonlyMap<DrvPath, { readonly derivation: Derivation }>,
): Reason | undefined {
  if (output?.impure) return undefined;
  for (const [path, { derivation }] of derivations) if (isImpure(derivation)) return refused(path);
  return undefined;
}

/** The same for one derivation that Nix is about to build: it may have been admitted under other rules. */
export function againstImpure({ output }: Policy, path: DrvPath, recipes: Recipes): Reason | undefined {
  if (output?.impure) return undefined;
  try {
    return recipes.of(path).isImpure ? refused(path) : undefined;
  } catch (error) {
    if (!(error instanceof CorruptDerivation || error instanceof FormatError)) throw error;
    return lacking("derivation-corrupt", `${path} cannot be read: ${error.message}`, {
      remedy: "evaluate it again, so that it is in the store: firstmile admit …",
    });
  }
}

function refused(path: DrvPath): Reason {
  return lacking(
    "impure-derivation",
    `${path} is impure: its builder has the network, and no hash says what it makes`,
    {
      remedy:
        "give it an outputHash instead of __impure, or set [output] impure = true in the trust repository",
    },
  );
}
