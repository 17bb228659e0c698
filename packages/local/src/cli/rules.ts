import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { renderDefects } from "@firstmile/trust/policy/render";
import { trustedStateDirectory } from "../state/directory.ts";
import { readPolicyDirectory } from "../state/policy-directory.ts";
import { STATEMENTS_FOLDER, type StatementPlace } from "../statements/place.ts";
import { currentPolicy, trustStatements } from "../trust-repository/follow.ts";
import { withImports } from "../trust-repository/imports.ts";
import type { FirstmileContext } from "./context.ts";
import { badInput, EXIT, Failure } from "./failure.ts";

/** What is judged by. */
export interface Rules {
  readonly policy: ResolvedPolicy;
  /** Where statements are kept beside the rules. */
  readonly statements: readonly StatementPlace[];
}

/** The rules in a directory that the user names, or else this machine's authenticated trust repository. */
export async function rulesToJudgeBy(
  context: FirstmileContext,
  directory: string | undefined,
): Promise<Rules> {
  if (directory === undefined) return followedRules(context);
  const files = await readPolicyDirectory(resolve(context.cwd, directory));
  const loaded = loadPolicy(files);
  if (!loaded.ok)
    throw badInput(`the rules in ${directory} are not valid\n${renderDefects(loaded.defects, files)}`);
  const policy = await withImports(trustedStateDirectory(context.stateDir), loaded.policy, context.now);
  const path = join(resolve(context.cwd, directory), STATEMENTS_FOLDER);
  return { policy, statements: existsSync(path) ? [{ kind: "directory", path }] : [] };
}

/**
 * For what only tells more where rules are at hand: those that the user names, those of the trust repository whose
 * checkout `checkout` is, or those that this machine follows. Undefined: there are none, or none that are in force.
 */
export async function rulesIfAny(
  context: FirstmileContext,
  named: string | undefined,
  checkout: string | undefined,
): Promise<Rules | undefined> {
  if (named !== undefined) return rulesToJudgeBy(context, named);
  if (checkout !== undefined && existsSync(join(resolve(context.cwd, checkout), "firstmile.toml")))
    return rulesToJudgeBy(context, checkout);
  if (!existsSync(join(trustedStateDirectory(context.stateDir), "trust", "pin.json"))) return undefined;
  try {
    return await followedRules(context);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function followedRules(context: FirstmileContext): Promise<Rules> {
  const current = await currentPolicy(trustedStateDirectory(context.stateDir), context.now);
  if (!current) {
    throw badInput(
      "this machine follows no trust repository yet",
      "firstmile trust add URL --introduction COMMIT --signed-by FINGERPRINT, or name rules with --policy DIR",
    );
  }
  const refusal = current.reasons.find((reason) => !reason.ok);
  if (refusal) throw new Failure(EXIT.denied, `${refusal.code}: ${refusal.message}`, refusal.remedy);
  const stateDir = trustedStateDirectory(context.stateDir);
  const policy = await withImports(stateDir, current.policy, context.now);
  return { policy, statements: [trustStatements(stateDir, current.pin)] };
}
