/**
 * Claim: a waiver stands in for builders that are missing, and for nothing else. Somebody of the policy's builders must
 * have signed the content, no other may vouch for another one, and only people of `[output] waive` can waive it.
 * Against: an exception that lets in what no builder made, or what builders differ about.
 */
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { Testimony } from "@firstmile/trust/consensus/agree";
import { day, waivedReason } from "@firstmile/trust/slice/reason";
import type { Waived } from "@firstmile/trust/slice/waivers";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { RulesInForce } from "./rules-in-force.ts";

/** Why builders' word alone does not suffice, and what the only content is that they vouch for. */
interface Lacking {
  readonly reason: Reason;
  readonly undisputed: readonly Testimony[];
}

/** `recipes`: the admitted derivations that give the path; a waiver may name any of them, or the path. */
export function waivedOutput(
  { policy, waivers }: Pick<RulesInForce, "policy" | "waivers">,
  path: StorePath,
  recipes: readonly StorePath[],
  { reason, undisputed }: Lacking,
): { reason: Reason; from: readonly Testimony[] } {
  const role = policy.output?.waive;
  const answers = [path, ...recipes].map((named) => waivers.ofStorePath(role, named));
  const holds = answers.find((answer) => answer.holds)?.holds;
  if (holds && undisputed.length > 0) return { reason: accepted(path, holds, reason), from: undisputed };
  const ended = answers.find((answer) => answer.ended)?.ended;
  if (holds || !ended) return { reason, from: [] };
  return { reason: over(path, ended, reason), from: [] };
}

function accepted(path: StorePath, waiver: Waived, { because = [] }: Reason): Reason {
  return { ...waivedReason(`that too few builders agree on ${path} is`, waiver), because };
}

function over(path: StorePath, { by, until }: Waived, reason: Reason): Reason {
  const message = `that too few builders agree on ${path} was waived until ${day(until)} by ${by.join(" and ")} only`;
  return lacking("waiver-expired", message, { because: [reason], remedy: reason.remedy });
}
