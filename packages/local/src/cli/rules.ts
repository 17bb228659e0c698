import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { renderDefects } from "@firstmile/trust/policy/render";
import { electorateNow } from "../evidence/electorate.ts";
import { trustedStateDirectory } from "../state/directory.ts";
import { readPolicyDirectory } from "../state/policy-directory.ts";
import { STATEMENTS_FOLDER, type StatementPlace } from "../statements/place.ts";
import { formerRulesOf } from "../trust-repository/checkout-past.ts";
import { followedStatements, furtherStatements } from "../trust-repository/evidence.ts";
import { currentPolicy, withFormer } from "../trust-repository/follow.ts";
import { loadImports } from "../trust-repository/imports.ts";
import { noteSeen } from "../trust-repository/latest-seen.ts";
import type { FirstmileContext } from "./context.ts";
import { badInput, EXIT, Failure } from "./failure.ts";

/** What is judged by. */
export interface Rules {
  readonly policy: ResolvedPolicy;
  /** Where statements are kept: beside the rules, and by whom they import from or listen to. */
  readonly statements: readonly StatementPlace[];
}

/** The rules in a directory that the user names, or else this machine's authenticated trust repository. */
export async function rulesToJudgeBy(
  context: FirstmileContext,
  directory: string | undefined,
): Promise<Rules> {
  const rules = await rulesIfAny(context, directory);
  if (rules) return rules;
  throw badInput(
    "this machine follows no trust repository yet",
    "firstmile trust add URL --introduction COMMIT --signed-by FINGERPRINT, or name rules with --policy DIR",
  );
}

/** As `rulesToJudgeBy`; undefined where none are named and this machine follows no trust repository. */
export async function rulesIfAny(
  context: FirstmileContext,
  directory: string | undefined,
): Promise<Rules | undefined> {
  if (directory === undefined) return followedRules(context);
  const files = await readPolicyDirectory(resolve(context.cwd, directory));
  const loaded = loadPolicy(files);
  if (!loaded.ok)
    throw badInput(
      `the rules in ${visibleText(directory)} are not valid`,
      undefined,
      renderDefects(loaded.defects, files),
    );
  const stateDir = trustedStateDirectory(context);
  const listed = withFormer(loaded.policy, await formerRulesOf(resolve(context.cwd, directory)));
  const imports = await loadImports(stateDir, listed, context.now);
  const policy = usable(resolveImports(listed, imports, context.now), context.now);
  const path = join(resolve(context.cwd, directory), STATEMENTS_FOLDER);
  const own: StatementPlace[] = existsSync(path) ? [{ kind: "directory", path, first: true }] : [];
  return { policy, statements: [...own, ...furtherStatements(stateDir, policy, imports).places] };
}

/**
 * What is at hand for telling a person more: rules that they name, those of the trust repository whose checkout
 * `checkout` is, or those that this machine follows. Undefined: there are none, or none that are in force.
 */
export async function rulesAtHand(
  context: FirstmileContext,
  named: string | undefined,
  checkout: string | undefined,
): Promise<Rules | undefined> {
  if (named !== undefined) return rulesToJudgeBy(context, named);
  if (checkout !== undefined && existsSync(join(resolve(context.cwd, checkout), "firstmile.toml")))
    return rulesToJudgeBy(context, checkout);
  try {
    return await rulesIfAny(context, undefined);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function followedRules(context: FirstmileContext): Promise<Rules | undefined> {
  const stateDir = trustedStateDirectory(context);
  const current = await currentPolicy(stateDir, context.now);
  if (!current) return undefined;
  noteSeen(stateDir, current.pin.latestSeen, context.now);
  const refusal = current.reasons.find((reason) => !reason.ok);
  if (refusal) throw new Failure(EXIT.denied, `${refusal.code}: ${refusal.message}`, refusal.remedy);
  const imports = await loadImports(stateDir, current.policy, context.now);
  const { places: statements } = await followedStatements(stateDir, current, imports);
  return { policy: usable(resolveImports(current.policy, imports, context.now), context.now), statements };
}

/** Rules that listen to people who cannot be heard decide nothing. */
function usable(policy: ResolvedPolicy, now: number): ResolvedPolicy {
  const reason = policy.unusable ?? electorateNow(policy, now).unusable;
  if (!reason) return policy;
  throw new Failure(EXIT.denied, `${reason.code}: ${reason.message}`, reason.remedy);
}
