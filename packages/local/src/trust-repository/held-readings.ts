/**
 * What this machine held of a key's statements when root retired the key: trust/readings.json, by the key's fingerprint.
 *
 * Claims: only statements that carried a good signature by that key before the retirement was followed are in it; so a
 * thief of a retired key adds nothing. Leaves out machines that come later: those need root's list (spec/policy.md,
 * `readings`) or the trust repository's own statements.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { openStatement, verifyOpened } from "@firstmile/trust/statement/verify";
import * as z from "zod";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { newlyRetired } from "./retired-keys.ts";

const shape = z.record(z.string(), z.array(z.string()));

export type Readings = ReadonlyMap<string, readonly string[]>;

/** Throws where the file is there and cannot be read. */
export function heldReadings(stateDir: string): Readings {
  const file = readingsFile(stateDir);
  try {
    return new Map(Object.entries(shape.parse(JSON.parse(readFileSync(file, "utf8")))));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${file} cannot be read: ${problem}: remove it; readings by retired keys then need root's list`,
    );
  }
}

/** Called before newer rules are followed: notes what keys said that these retire. `now` in Unix seconds. */
export async function rememberReadings(
  stateDir: string,
  rules: { readonly before: Policy; readonly next: Policy },
  places: readonly StatementPlace[],
  now: number,
): Promise<void> {
  const retired = newlyRetired(rules.before, rules.next);
  if (retired.size === 0) return;
  const said = await readingsOf(rules.before, places, retired, now);
  const known = new Map([...heldReadings(stateDir), ...said]);
  const file = readingsFile(stateDir);
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(known)), { mode: 0o644, flush: true });
  renameSync(`${file}.new`, file);
}

/** Statements for something that these keys signed, by key, sorted. */
export async function readingsOf(
  policy: Policy,
  places: readonly StatementPlace[],
  wanted: ReadonlySet<string>,
  now: number,
): Promise<Map<string, readonly string[]>> {
  const { keys } = statementIdentities(policy);
  const said = new Map<string, Set<string>>([...wanted].map((key) => [key, new Set()]));
  for (const { envelope } of (await readStatements(places)).found) {
    const opened = openStatement(envelope);
    if (!opened.ok || (opened.statement.kind !== "review" && opened.statement.kind !== "withdraw")) continue;
    const { outcomes, digest } = verifyOpened(opened, keys, now);
    for (const outcome of outcomes) {
      const good = outcome.valid ? outcome : outcome.lapsed;
      if (good) for (const key of [good.key, good.signingKey]) said.get(key)?.add(digest);
    }
  }
  return new Map([...said].map(([key, digests]) => [key, [...digests].sort()]));
}

function readingsFile(stateDir: string): string {
  return join(stateDir, "trust", "readings.json");
}
