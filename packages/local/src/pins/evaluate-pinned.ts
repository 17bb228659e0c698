/**
 * Evaluates an expression that fetches by pins: again and again, with one more tree each time, until it asks for none.
 *
 * Claims: the derivations follow from the tree that is asked for and from trees of authentic commits that were brought
 * for it, and from nothing else that is in this machine's store. The evaluation that shows it writes nothing that
 * lasts; the one that writes the derivations has to come to the same.
 */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Evaluated } from "../admission/evaluate-file.ts";
import { type NixTools, withEnvironment } from "../admission/nix-tools.ts";
import type { PinnedTrees } from "./pinned-trees.ts";
import { sealedNix, sealingProblem } from "./sealed-nix.ts";

/** Evaluates the same question with a Nix, and with the addresses that fetchers may be given. */
export type EvaluateWith = (nix: NixTools, addresses: readonly string[]) => Promise<Evaluated>;

export type EvaluatedPinned =
  | Extract<Evaluated, { ok: true }>
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** More than anybody pins; each is one evaluation. */
const MAX_ROUNDS = 100;

/** `first`: how it ended with nothing to fetch. Throws `NixError` where Nix cannot be run. */
export async function evaluatePinned(
  nix: NixTools,
  pins: PinnedTrees,
  first: Evaluated,
  evaluate: EvaluateWith,
): Promise<EvaluatedPinned> {
  let evaluated = first;
  for (let round = 0; !evaluated.ok; round++) {
    if (evaluated.wanted === undefined) return { ok: false, reasons: [evaluated.reason] };
    if (round >= MAX_ROUNDS) return { ok: false, reasons: [tooMany()] };
    const refused = await pins.bring(evaluated.wanted);
    if (refused.length > 0) return { ok: false, reasons: refused };
    evaluated = await evaluateSealed(nix, pins, evaluate);
  }
  return written(nix, pins, evaluated, evaluate);
}

async function evaluateSealed(nix: NixTools, pins: PinnedTrees, evaluate: EvaluateWith): Promise<Evaluated> {
  using sealed = sealedNix(nix, [...pins.trees, ...pins.viewed], pins.env);
  const evaluated = await evaluate(sealed.nix, pins.addresses);
  const problem = evaluated.ok ? undefined : sealingProblem(nix.storeDir, evaluated.said ?? "");
  return problem ? { ok: false, reason: problem } : evaluated;
}

/** Once more in the real store, for the derivations to be there. */
async function written(
  nix: NixTools,
  pins: PinnedTrees,
  shown: Extract<Evaluated, { ok: true }>,
  evaluate: EvaluateWith,
): Promise<EvaluatedPinned> {
  await pins.keep();
  const again = await evaluate(withEnvironment(nix, pins.env), pins.addresses);
  if (!again.ok) return { ok: false, reasons: [again.reason] };
  return again.roots.join() === shown.roots.join() ? again : { ok: false, reasons: [different()] };
}

function tooMany(): Reason {
  return lacking(
    "evaluation-failed",
    `the evaluation fetches more than ${MAX_ROUNDS} trees, one after the other`,
    {
      remedy: "pin fewer, or admit parts of it by themselves",
    },
  );
}

function different(): Reason {
  return lacking("evaluation-failed", "the same evaluation came to other derivations a second time", {
    remedy: "look for what it reads besides its files, such as the time",
  });
}
