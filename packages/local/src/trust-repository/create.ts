/** Makes a trust repository: writes the rules and keys, and commits them with the user's own signature. */

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { commitFacts } from "@firstmile/trust/history/facts";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { renderDefects } from "@firstmile/trust/policy/render";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { runOk } from "../process/run.ts";
import { readPolicyDirectory } from "../state/policy-directory.ts";

export interface NewTrust {
  readonly dir: string;
  readonly name: string;
  /** RFC 3339, with offset. */
  readonly expires: string;
  /** Name of each first principal and the files with their keys. */
  readonly principals: ReadonlyMap<string, readonly string[]>;
  /** How many of them change the rules together. */
  readonly rootAny: number;
  /** Unix seconds. */
  readonly now: number;
}

/** What was made, for others to pin; or why the rules written are not valid or not signed by one of their keys. */
export type Created =
  | { readonly ok: true; readonly commit: CommitId; readonly signedBy: Fingerprint; readonly owner: string }
  | { readonly ok: false; readonly problem: string };

/** A directory that holds something already is left alone. */
export function isFree(dir: string): boolean {
  return !existsSync(dir) || readdirSync(dir).length === 0;
}

export async function createTrust(plan: NewTrust): Promise<Created> {
  mkdirSync(join(plan.dir, "keys"), { recursive: true });
  const keys = await copyKeys(plan);
  await writeFile(join(plan.dir, "firstmile.toml"), rulesText(plan, keys));
  const files = await readPolicyDirectory(plan.dir);
  const loaded = loadPolicy(files);
  if (!loaded.ok) return { ok: false, problem: renderDefects(loaded.defects, files) };
  await runOk("git", ["-C", plan.dir, "init", "--quiet", "--initial-branch=main"]);
  await runOk("git", ["-C", plan.dir, "add", "--", "firstmile.toml", "keys"]);
  await runOk("git", [
    "-C",
    plan.dir,
    "commit",
    "--quiet",
    "-S",
    "-m",
    `Begin the trust repository of ${plan.name}`,
  ]);
  const commit = (await runOk("git", ["-C", plan.dir, "rev-parse", "HEAD"])).toString().trim() as CommitId;
  const content = await runOk("git", ["-C", plan.dir, "cat-file", "commit", commit]);
  const { keys: ring, ownerOf } = identitiesOf(loaded.policy);
  const facts = commitFacts(commit, content, ring, plan.now);
  if ("corrupt" in facts) return { ok: false, problem: facts.corrupt };
  if (!facts.signature.valid)
    return { ok: false, problem: `Git signed the first commit, but ${facts.signature.message}` };
  return { ok: true, commit, signedBy: facts.signature.key, owner: ownerOf.get(facts.signature.key)! };
}

async function copyKeys(plan: NewTrust): Promise<Map<string, string[]>> {
  const copied = new Map<string, string[]>();
  for (const [name, files] of plan.principals) {
    const paths: string[] = [];
    for (const [i, file] of files.entries()) {
      const ending = /\.(pub|asc|gpg|pgp)$/.exec(basename(file))?.[0] ?? ".asc";
      const path = `keys/${name}${i === 0 ? "" : `-${i + 1}`}${ending}`;
      await writeFile(join(plan.dir, path), await readFile(file));
      paths.push(path);
    }
    copied.set(name, paths);
  }
  return copied;
}

function rulesText(plan: NewTrust, keys: ReadonlyMap<string, readonly string[]>): string {
  const quoted = (words: readonly string[]) => words.map((word) => JSON.stringify(word)).join(", ");
  const people = [...keys].map(
    ([name, files]) => `[principal.${tomlKey(name)}]\nkeys = [${quoted(files)}]\n`,
  );
  return `${[
    "# Who may decide what for the machines that follow this repository. Specification: spec/policy.md of Firstmile.\nformat = 1",
    `name = ${JSON.stringify(plan.name)}`,
    "# Past this moment every machine refuses to decide: renew it in good time.",
    `expires = ${plan.expires}\n`,
    ...people,
    "[role]",
    "# Whoever changes these rules: this many of them sign each commit (git commit -S, then firstmile cosign).",
    `root = { any = ${plan.rootAny}, of = [${quoted([...keys.keys()])}] }`,
  ].join("\n")}\n`;
}
