/** `firstmile cosign REPO REV`. */
import { resolve } from "node:path";
import { cosign } from "../../trust-repository/cosign.ts";
import type { FirstmileContext } from "../context.ts";
import type { CosignFlags } from "./cosign.command.ts";

export async function cosignCommit(
  this: FirstmileContext,
  flags: CosignFlags,
  repository: string,
  revision: string,
): Promise<void> {
  const commit = await cosign(resolve(this.cwd, repository), revision);
  if (flags.json) return this.terminal.json({ commit, ref: "refs/notes/signatures" });
  this.terminal.print(`signed ${commit}`);
  this.terminal.print("push it with: git push origin refs/notes/signatures");
}
