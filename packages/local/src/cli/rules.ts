import { resolve } from "node:path";
import { renderDefects } from "@firstmile/trust/policy/render";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { readPolicyDirectory } from "../state/policy-directory.ts";
import type { FirstmileContext } from "./context.ts";
import { badInput } from "./failure.ts";

/** A policy, and the files that it was loaded from. */
export interface Rules {
  readonly policy: Policy;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The rules in a directory that the user names, or else this machine's authenticated trust repository. */
export async function rulesToJudgeBy(context: FirstmileContext, directory: string | undefined): Promise<Rules> {
  if (directory === undefined) throw badInput("no trust repository on this machine yet", "name rules with --policy DIR");
  const files = await readPolicyDirectory(resolve(context.cwd, directory));
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw badInput(`the rules in ${directory} are not valid\n${renderDefects(loaded.defects, files)}`);
  return { policy: loaded.policy, files };
}
