/** Where a waiver would count under some rules, and whether those who signed it suffice there. For people to look at. */
import type { ContentTarget, Target } from "@firstmile/formats/statement/target";
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import type { PrincipalName, RoleName } from "../policy/names.ts";
import { ruleFor } from "../policy/paths.ts";
import type { Policy, Rule, Source } from "../policy/policy.ts";
import { meets } from "../policy/thresholds.ts";

export interface WaiverEffect {
  /** `source pkgs, rule at line 12`; `outputs`. */
  readonly where: string;
  /** Whose waivers count there; undefined: nobody's. */
  readonly role: RoleName | undefined;
  readonly met: boolean;
  /** The smallest sets of people who would have to sign it as well. */
  readonly lack: readonly (readonly PrincipalName[])[];
}

/** By place, each once; none where nothing that the rules speak of is meant. */
export function waiverEffects(
  policy: Policy,
  waiver: WaiverStatement,
  by: ReadonlySet<PrincipalName>,
): WaiverEffect[] {
  const sources = [...policy.sources.values()].filter(
    ({ name, authenticate }) =>
      authenticate === "slice" && (waiver.source === undefined || waiver.source === name),
  );
  const places = new Map<string, RoleName | undefined>();
  for (const source of sources) {
    for (const rule of rulesMeant(source, waiver))
      places.set(`source ${source.name}, rule at line ${rule.line}`, rule.waive);
  }
  if (waiver.targets.some(({ kind }) => kind === "store")) places.set("outputs", policy.output?.waive);
  return [...places].map(([where, role]) => ({ where, role, ...counted(policy, role, by) }));
}

function rulesMeant(source: Source, { targets, paths }: WaiverStatement): readonly Rule[] {
  const isWide = paths.length > 0 || targets.some((target) => isContent(target) && target.path === undefined);
  if (isWide) return source.rules;
  const found = targets.flatMap((target) =>
    isContent(target) ? (ruleFor(target.path!, source.rules) ?? []) : [],
  );
  return [...new Set(found)];
}

function isContent(target: Target): target is ContentTarget {
  return target.kind === "content";
}

function counted(policy: Policy, role: RoleName | undefined, by: ReadonlySet<PrincipalName>) {
  const group = role && policy.roles.get(role);
  if (!group) return { met: false, lack: [] };
  const { met, completions } = meets(group, by, policy);
  return { met, lack: completions };
}
