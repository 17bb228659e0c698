/**
 * Claim: Nix builds a derivation only if it, or what it resolves, came out of an admitted evaluation whose sources
 * are authentic under the rules in force, its downloads meet them, and nothing that it is made of is distrusted. Against:
 * a derivation that somebody wrote or instantiated by other means, one admitted under rules that have changed since, a
 * resolved derivation with an input that nobody built here.
 * Asked by the pre-build hook for every local build.
 */
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { found, lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import type { Authenticator } from "../admission/authenticator.ts";
import type { AdmittedDownloads } from "./admitted-downloads.ts";
import { againstImpure } from "./impure.ts";
import type { Admission, Ledger } from "./ledger.ts";
import type { StoreObjections } from "./objections.ts";
import type { Recipes } from "./recipes.ts";
import type { RulesHolder, RulesInForce } from "./rules-in-force.ts";

/** Where a derivation comes from; without an origin, `reason` says what is missing. */
export type Origin = { readonly origin: DrvPath | undefined; readonly reason: Reason };

/** Finds the admitted derivation that another one was made from: by resolving it, or for a development shell. */
export interface Origins {
  originOf(derivation: DrvPath): Promise<Origin | undefined>;
}

export interface Deciding {
  readonly rules: RulesHolder;
  readonly ledger: Ledger;
  readonly authenticator: Authenticator;
  readonly origins: Origins;
  readonly downloads: AdmittedDownloads;
  readonly objections: StoreObjections;
  readonly recipes: Recipes;
}

export async function decideBuild(deciding: Deciding, derivation: DrvPath): Promise<Verdict> {
  const subject = { kind: "derivation", path: derivation } as const;
  const rules = await deciding.rules.get();
  if (!rules.ok) return verdict(subject, [rules.reason]);
  const reasons = await whyAdmitted(deciding, rules.rules, derivation);
  const here = mayBuildHere(deciding, rules.rules, derivation);
  const isAdmitted = reasons.every(({ ok }) => ok);
  const impure = isAdmitted ? againstImpure(rules.rules.policy, derivation, deciding.recipes) : undefined;
  return verdict(subject, [...reasons, ...[here, impure].filter((reason) => reason !== undefined)]);
}

/** What speaks for a derivation, itself or through the one it was made from, and what speaks against either. */
export async function whyAdmitted(
  deciding: Deciding,
  rules: RulesInForce,
  derivation: DrvPath,
): Promise<Reason[]> {
  const direct = await bestAdmission(deciding, rules, derivation);
  if (direct) return [direct, ...(await objections(deciding, rules, [derivation]))];
  const found = await deciding.origins.originOf(derivation);
  if (found?.origin === undefined) return [found?.reason ?? notAdmitted(derivation)];
  const through = await bestAdmission(deciding, rules, found.origin);
  if (!through) return [notAdmitted(derivation)];
  const against = await objections(deciding, rules, [derivation, found.origin]);
  return [found.reason, through, ...against];
}

async function objections(
  { objections }: Deciding,
  { distrust }: RulesInForce,
  derivations: readonly DrvPath[],
): Promise<Reason[]> {
  const all = await Promise.all(derivations.map((path) => objections.against(distrust, path)));
  return all.filter((reason) => reason !== undefined);
}

/** Any one admission that holds is enough; where none does, the newest says why. */
async function bestAdmission(
  deciding: Deciding,
  rules: RulesInForce,
  derivation: DrvPath,
): Promise<Reason | undefined> {
  let newest: Reason | undefined;
  for (const admission of deciding.ledger.admissionsOf(derivation)) {
    const reason = await judgeAdmission(deciding, rules, admission, derivation);
    if (reason.ok) return reason;
    newest ??= reason;
  }
  return newest;
}

async function judgeAdmission(
  { authenticator, downloads }: Deciding,
  rules: RulesInForce,
  admission: Admission,
  derivation: DrvPath,
): Promise<Reason> {
  const because = await Promise.all(admission.basis.map((basis) => authenticator.authenticate(rules, basis)));
  const fetched = await downloads.judge(rules, admission, derivation);
  if (fetched) because.push(fetched);
  if (because.every((reason) => reason.ok))
    return found("admitted", `admitted with ${admission.request}`, because);
  return lacking(
    "not-admitted",
    `was admitted with ${admission.request}, and what it rests on does not meet the rules of today`,
    { because },
  );
}

function mayBuildHere(
  { ledger }: Deciding,
  { policy }: RulesInForce,
  derivation: DrvPath,
): Reason | undefined {
  if (policy.output === undefined || policy.output.localBuilds || ledger.isFixed(derivation))
    return undefined;
  return lacking(
    "local-builds-off",
    "the policy lets this machine build nothing itself (local_builds = false)",
    {
      remedy: "wait until enough builders have it, or set local_builds = true in the trust repository",
    },
  );
}

function notAdmitted(derivation: DrvPath): Reason {
  return lacking("not-admitted", `no admitted evaluation gives ${derivation}`, {
    remedy:
      "build it through firstmile, which admits it first: firstmile nix nix-build …, firstmile nix build …",
  });
}
