/** `firstmile cosign REPO REV`. */
import { resolve } from "node:path";
import { sriHash } from "@firstmile/formats/nix/hash";
import { STATEMENTS_REF } from "../../statements/place.ts";
import { cosign, cosignStatement } from "../../trust-repository/cosign.ts";
import type { FirstmileContext } from "../context.ts";
import { wrap } from "../terminal.ts";
import type { CosignFlags } from "./cosign.command.ts";

export async function cosignCommit(
  this: FirstmileContext,
  flags: CosignFlags,
  named: string,
  revision: string,
): Promise<void> {
  const repository = resolve(this.cwd, named);
  if (flags.statement || flags.bindTree) return asStatement(this, flags, repository, revision);
  const commit = await cosign(repository, revision);
  if (flags.json) return this.terminal.json({ commit, ref: "refs/notes/signatures" });
  this.terminal.print(`signed ${commit}`);
  this.terminal.print("push it with: git push origin refs/notes/signatures");
}

async function asStatement(
  { terminal, now }: FirstmileContext,
  { bindTree, json }: CosignFlags,
  repository: string,
  revision: string,
): Promise<void> {
  if (bindTree) terminal.progress("hashing the files");
  const { commit, narHash, ...kept } = await cosignStatement({ repository, revision, bindTree, now });
  const hash = narHash && sriHash(narHash);
  if (json) return terminal.json({ commit, ref: STATEMENTS_REF, narHash: hash ?? null, statement: kept });
  terminal.print(`signed ${commit}`);
  if (hash !== undefined) terminal.print(`with its files ${hash}`);
  const known = kept.fresh ? "" : "; you had signed it before";
  terminal.print(
    wrap(`statement ${kept.name.slice(0, 12)} in ${STATEMENTS_REF}${known}`, terminal.width, "  "),
  );
  terminal.print(`push it with: git push origin ${STATEMENTS_REF}`);
}
