/** Copies of a trust repository as mirrors serve them, and statements of its newest head. */
import { cpSync } from "node:fs";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { renderStatement, STATEMENT_PAYLOAD_TYPE } from "@firstmile/formats/statement/statement";
import { runOk } from "@firstmile/local/process/run";
import { writeStatement } from "@firstmile/local/statements/write";
import type { Person, PolicySpec, RulesSpec, World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";

/** A mirror: all that the repository holds now, with `main` where it is told. */
export async function mirrorOf(
  world: World,
  repository: { dir: string },
  main?: CommitId,
): Promise<{ dir: string }> {
  const dir = `${world.fresh("mirror")}.git`;
  cpSync(repository.dir, dir, { recursive: true });
  if (main !== undefined) await git(dir, "update-ref", "refs/heads/main", main);
  return { dir };
}

export async function git(dir: string, ...args: readonly string[]): Promise<string> {
  return (await runOk("git", ["-C", dir, ...args], { env: gitEnv() })).toString().trim();
}

export interface Ahead extends RulesSpec {
  /** Lines before the first table. */
  readonly top?: string;
}

/** As `world.rules`, with lines that have to stand before the first table. */
export async function rulesWith(world: World, repository: WorldRepository, spec: Ahead): Promise<CommitId> {
  const { top = "", ...rest } = spec;
  return world.rules(repository, { ...rest, files: { "firstmile.toml": await withTop(rest.policy, top) } });
}

export async function withTop(policy: PolicySpec, top: string): Promise<string> {
  const text = Buffer.from((await policyFiles(policy)).get("firstmile.toml")!).toString();
  return text.replace("format = 1\n", `format = 1\n${top}\n`);
}

export interface Said {
  readonly commit: CommitId;
  /** Unix seconds. */
  readonly at: number;
  readonly by: readonly Person[];
  readonly source?: string;
}

export async function headEnvelope({ commit, at, by, source }: Said): Promise<Uint8Array> {
  const payload = renderStatement({ kind: "head", commit, at, source: source ?? null });
  const message = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload);
  const signatures = await Promise.all(
    by.map(async (person) => ({
      keyid: undefined,
      sig: await person.sign(message, { namespace: "firstmile-statement" }),
    })),
  );
  return renderEnvelope({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures });
}

/** Puts a statement where the repository at `dir` serves it. */
export async function say(dir: string, said: Said): Promise<void> {
  await writeStatement({ kind: "ref", repository: dir }, await headEnvelope(said));
}
