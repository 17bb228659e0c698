/** `firstmile init DIR`. */

import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import { createTrust, isFree, type NewTrust } from "../../trust-repository/create.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import type { InitFlags } from "./init.command.ts";

export async function init(this: FirstmileContext, flags: InitFlags, directory: string): Promise<void> {
  const dir = resolve(this.cwd, directory);
  if (!isFree(dir))
    throw badInput(`${visibleText(dir)} holds something already`, "name a new or empty directory");
  const answers = complete(flags)
    ? flags
    : await (await import("./init-questions.ts")).ask(this, flags, basename(dir));
  const created = await createTrust(planOf(this, dir, answers));
  if (!created.ok)
    throw new Failure(
      EXIT.input,
      "the new rules are not valid",
      `mend it in ${visibleText(dir)} and commit, or remove the directory and begin again`,
      { detail: created.problem },
    );
  const { commit, signedBy, owner } = created;
  if (flags.json) return this.terminal.json({ dir, commit, signedBy, owner });
  this.terminal.print(`${this.terminal.style("green", "made")} ${visibleText(dir)}, signed by ${owner}`);
  this.terminal.print("push it where your machines reach it, then on each of them:");
  this.terminal.print(`  firstmile trust add URL --introduction ${commit} --signed-by ${signedBy}`);
}

function complete(flags: InitFlags): boolean {
  return flags.principal !== undefined && flags.principal.length > 0;
}

export function planOf(context: FirstmileContext, dir: string, flags: Omit<InitFlags, "json">): NewTrust {
  const principals = new Map<string, string[]>();
  for (const text of flags.principal ?? []) {
    const [name, file] = nameAndFile(text);
    const path = resolve(context.cwd, file);
    if (!existsSync(path))
      throw badInput(
        `${path} is not there`,
        "name a file with a public key: ssh-ed25519 … (.pub), or gpg --export --armor (.asc)",
      );
    principals.set(name, [...(principals.get(name) ?? []), path]);
  }
  const rootAny = flags.root === undefined ? Math.floor(principals.size / 2) + 1 : Number(flags.root);
  return {
    dir,
    name: flags.name ?? basename(dir),
    expires: expiry(flags.expires, context.now),
    principals,
    rootAny,
    now: context.now,
  };
}

function nameAndFile(text: string): [name: string, file: string] {
  const equals = text.indexOf("=");
  if (equals < 1)
    throw badInput(`--principal ${text} names no key file`, "write --principal alice=keys/alice.pub");
  return [text.slice(0, equals), text.slice(equals + 1)];
}

const YEAR = 365 * 24 * 3600;

/** A day, or the same day next year, as an RFC 3339 moment. */
function expiry(text: string | undefined, now: number): string {
  if (text === undefined) return `${new Date((now + YEAR) * 1000).toISOString().slice(0, 10)}T00:00:00Z`;
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(Date.parse(text)))
    throw badInput(`${text} is no date`, "write it as 2027-06-01");
  return `${text}T00:00:00Z`;
}
