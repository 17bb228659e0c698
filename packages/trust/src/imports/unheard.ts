/**
 * What of imports can still be heard against something, and whether anything cannot.
 *
 * Claims: rules that listen to an import that cannot be read decide nothing. To go on would be to pass over
 * words against something. Against: an import that is kept from this machine until it is forgotten, and damage to what
 * is held of it.
 */
import type { ImportName, RoleName } from "../policy/names.ts";
import type { HeldRules, Policy } from "../policy/policy.ts";
import { lacking, type Reason } from "../verdict/verdict.ts";
import { heldState, type ImportedPolicy } from "./imported.ts";
import { reachOf } from "./reach.ts";

const WARDEN = "warden" as RoleName;

/** The last authentic state of each import that is held. A circle ends where it comes back to. */
export function heldRules(
  imported: ReadonlyMap<ImportName, ImportedPolicy>,
  passed: readonly ImportedPolicy[] = [],
): Map<ImportName, HeldRules> {
  return new Map(
    [...imported].flatMap(([name, one]) => {
      const state = heldState(one);
      if (!state || passed.includes(one)) return [];
      return [
        [name, { policy: state.policy, imports: heldRules(state.imported, [...passed, one]) }] as const,
      ];
    }),
  );
}

/** Why these rules are unusable; an empty object where they are not. */
export function unheard(
  policy: Policy,
  imported: ReadonlyMap<ImportName, ImportedPolicy>,
): { readonly unusable?: Reason } {
  const broken = brokenIn(imported, "", new Set());
  if (broken)
    return unusable(
      `what this machine holds of the import ${broken.name} cannot be read, so what it says against something is not heard`,
      broken.reason,
    );
  const warden = policy.roles.get(WARDEN);
  const listened = warden ? reachOf([warden], policy.roles).imported.keys() : [];
  const missing = [...listened].find((name) => {
    const one = imported.get(name);
    return !one || !heldState(one);
  });
  if (missing === undefined) return {};
  const one = imported.get(missing);
  return unusable(
    `the role ${WARDEN} rests on the import ${missing}, and this machine holds nothing of it, so its wardens are not heard`,
    one && !one.ok ? one.reason : undefined,
  );
}

function unusable(message: string, because: Reason | undefined): { readonly unusable: Reason } {
  return {
    unusable: lacking("policy-invalid", message, {
      remedy: "firstmile trust update",
      ...(because && { because: [because] }),
    }),
  };
}

function brokenIn(
  imported: ReadonlyMap<ImportName, ImportedPolicy>,
  prefix: string,
  seen: Set<ImportedPolicy>,
): { readonly name: string; readonly reason: Reason } | undefined {
  for (const [name, one] of imported) {
    if (seen.has(one)) continue;
    seen.add(one);
    if (!one.ok && one.isUnreadable) return { name: `${prefix}${name}`, reason: one.reason };
    const state = heldState(one);
    const further = state && brokenIn(state.imported, `${prefix}${name}/`, seen);
    if (further) return further;
  }
  return undefined;
}
