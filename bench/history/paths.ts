/**
 * What path rules cost: one history of real trees, merges and renames, asked about by one rule for everything, by rules
 * that make every commit's own changes count, and with reviews asked for besides. The repository is whoever measures'
 * own: `FIRSTMILE_BENCH_REPOSITORY`, a Git directory.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, inTurns, type Measured } from "../measure.ts";
import { CACHE, FIRSTMILE } from "../places.ts";
import { absent, perSecond, type Row, seconds } from "../report.ts";
import { type Resigned, resigned } from "./resigned.ts";

const ROUNDS = 3;
const GOAL = 2;

export function pathRows(): Row[] {
  const original = process.env.FIRSTMILE_BENCH_REPOSITORY;
  if (!original) return [absent("path rules on real trees", "FIRSTMILE_BENCH_REPOSITORY is not set")];
  const made = resigned(original);
  const { one, some, every, reviewed } = inTurns(
    {
      one: verify(made, "one", ANYWHERE),
      some: verify(made, "some", ANYWHERE + GUARDED),
      every: verify(made, "every", ANYWHERE + GUARDED + NEVER),
      // Nobody wrote reviews of it: the answer is no, after all the same reading.
      reviewed: verify(made, "reviewed", ANYWHERE + GUARDED + NEVER + REVIEWED, [1]),
    },
    ROUNDS,
  );
  return [
    {
      what: `real trees, ${made.commits} commits (${made.merges} merges), one rule`,
      ours: told(made, one),
      figures: { one },
    },
    ratioRow("  rules by path, half of the commits read", made, some, one),
    {
      ...ratioRow("  rules by path, every commit read", made, every, one),
      goal: `${GOAL}x`,
      reached: every.wall <= GOAL * one.wall,
    },
    ratioRow("  and with reviews asked for doc/", made, reviewed, one),
  ];
}

function ratioRow(what: string, made: Resigned, ours: Measured, one: Measured): Row {
  const times = ours.wall / one.wall;
  return { what, ours: `${told(made, ours)}: ${times.toFixed(2)}x the time`, figures: { ours, times } };
}

function told({ commits }: Resigned, { wall, cpu }: Measured): string {
  return `${seconds(wall)} (${perSecond(commits, wall)}; ${seconds(cpu)} of CPU)`;
}

function verify(made: Resigned, name: string, rules: string, accept: readonly number[] = [0]): Command {
  const policy = join(CACHE, "policies-by-path", name);
  writePolicy(policy, made, rules);
  const argv = [FIRSTMILE, "verify", made.repository, "main", "--policy", policy, "--no-cache"] as const;
  return { argv, accept };
}

const ANYWHERE = rule(["**"], "everybody");
/** What `resigned` had the first two people alone write. */
const GUARDED = rule(["/doc/", "*.nix"], "some");
/** Asks for two people, and nobody signs with another: so no signer meets every rule. */
const NEVER = rule(["/release-keys/"], "two");
const REVIEWED = rule(["/doc/manual/"], "some", "everybody");

function rule(paths: readonly string[], write: string, review?: string): string {
  const asked = review === undefined ? "" : `review = "${review}"\n`;
  return `[[source.bench.rule]]\npaths = ${JSON.stringify(paths)}\nwrite = "${write}"\n${asked}`;
}

function writePolicy(dir: string, { people, introduction }: Resigned, rules: string): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, "keys"), { recursive: true });
  for (const { name, publicKey } of people) writeFileSync(join(dir, "keys", `${name}.key`), publicKey);
  const names = people.map(({ name }) => name);
  const principals = names.map((name) => `[principal.${name}]\nkeys = ["keys/${name}.key"]\n`);
  writeFileSync(
    join(dir, "firstmile.toml"),
    `format = 1
name = "bench"
expires = 2100-01-01T00:00:00Z

${principals.join("")}
[role]
root = { any = 1, of = ${JSON.stringify(names)} }
everybody = { any = 1, of = ${JSON.stringify(names)} }
some = { any = 1, of = ${JSON.stringify(names.slice(0, 2))} }
two = { any = 2, of = ${JSON.stringify(names.slice(0, 2))} }

[source.bench]
urls = ["https://example.org/bench"]
authenticate = "every-commit"
introduction = { commit = "${introduction}", signed_by = "root" }
${rules}`,
  );
}
