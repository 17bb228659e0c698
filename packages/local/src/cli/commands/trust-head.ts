/** `firstmile trust head REPO [REV]`: this user's word that a commit is the newest right now. */
import { resolve } from "node:path";
import { parseCommitId } from "@firstmile/formats/git/object-id";
import { resolveRevision } from "../../git/neutral.ts";
import { userKey } from "../../signing/user-key.ts";
import { STATEMENTS_REF } from "../../statements/place.ts";
import { signStatement } from "../../statements/sign.ts";
import { writeStatement } from "../../statements/write.ts";
import type { FirstmileContext } from "../context.ts";
import { harmless } from "../terminal.ts";
import type { HeadFlags } from "./trust.command.ts";

export async function head(
  this: FirstmileContext,
  flags: HeadFlags,
  named: string,
  revision = "HEAD",
): Promise<void> {
  const repository = resolve(this.cwd, named);
  const commit = parseCommitId(await resolveRevision(repository, revision));
  const { source = null, json } = flags;
  const statement = { kind: "head", commit, at: this.now, source } as const;
  const envelope = await signStatement(await userKey(repository), statement);
  const { where } = await writeStatement({ kind: "ref", repository }, envelope);
  if (json) return this.terminal.json({ commit, at: this.now, source, where });
  const what = source === null ? "the trust repository" : `source ${source}`;
  const time = new Date(this.now * 1000).toISOString().slice(0, 16).replace("T", " ");
  this.terminal.print(`signed that ${commit} is the newest of ${what} on ${time}: ${harmless(where)}`);
  this.terminal.print(`now git push REMOTE ${STATEMENTS_REF}, to each of its mirrors`);
}
