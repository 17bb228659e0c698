import { resolve } from "node:path";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { renderDefects } from "@firstmile/trust/policy/render";
import { trustedStateDirectory } from "../state/directory.ts";
import { readPolicyDirectory } from "../state/policy-directory.ts";
import { currentPolicy } from "../trust-repository/follow.ts";
import type { FirstmileContext } from "./context.ts";
import { badInput, EXIT, Failure } from "./failure.ts";

/** A policy, and the files that it was loaded from. */
export interface Rules {
  readonly policy: Policy;
  readonly files: ReadonlyMap<string, Uint8Array>;
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
  return { policy: loaded.policy, files };
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
  return { policy: current.policy, files: current.files };
}
