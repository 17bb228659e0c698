/** Real signatures: every commit of QubesOS's core-admin by the keys that its makers publish. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inTurns } from "../measure.ts";
import { CACHE, DATA, FIRSTMILE } from "../places.ts";
import { absent, perSecond, type Row, seconds } from "../report.ts";
import { gitLog, gnupgEnv, sample } from "./peers.ts";
import { git } from "./world.ts";

const TIP = "1ad5f9b84dc1eae76d1b885d009f3e84f5503740";
const SAMPLE = 500;
const ROUNDS = 7;

export function qubesRows(): Row[] {
  const data = join(DATA, "qubes-core-admin");
  if (!existsSync(join(data, "commits.pack"))) return [absent("real history (qubes-core-admin)", "no data")];
  const { repository, policy } = prepare(data);
  const total = Number(git(repository, "rev-list", "--count", "main"));
  const env = gnupgEnv("qubes", join(policy, "keys"));
  const verify = [FIRSTMILE, "verify", repository, "main", "--policy", policy, "--no-cache"] as const;
  const { ours, log } = inTurns(
    {
      // Half of its commits are unsigned: the answer is no.
      ours: { argv: [...verify], accept: [1] },
      log: gitLog(repository, sample(repository, "main", SAMPLE), env),
    },
    ROUNDS,
  );
  const theirs = (log.wall / SAMPLE) * total;
  const ratio = theirs / ours.wall;
  return [
    {
      what: `real history, ${total} commits (qubes-core-admin)`,
      ours: `${seconds(ours.wall)} (${perSecond(total, ours.wall)}; ${seconds(ours.cpu)} of CPU)`,
      beside: `git log %G? ${seconds(theirs)}, scaled from ${SAMPLE}: ${ratio.toFixed(0)}x`,
      goal: "50x",
      reached: ratio >= 50,
      figures: { ours, log, sample: SAMPLE, total },
    },
  ];
}

function prepare(data: string): { repository: string; policy: string } {
  const dir = join(CACHE, "qubes-core-admin");
  const [repository, policy] = [join(dir, "repository.git"), join(dir, "policy")];
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(repository, { recursive: true });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
  const input = readFileSync(join(data, "commits.pack"));
  execFileSync("git", ["-C", repository, "index-pack", "--stdin"], { input, stdio: "pipe" });
  git(repository, "update-ref", "refs/heads/main", TIP);
  writePolicy(policy, join(data, "keys"), git(repository, "rev-list", "--max-parents=0", "main"));
  return { repository, policy };
}

function writePolicy(dir: string, keys: string, introduction: string) {
  const files = readdirSync(keys);
  mkdirSync(join(dir, "keys"), { recursive: true });
  for (const file of files) cpSync(join(keys, file), join(dir, "keys", file));
  const list = files.map((file) => `  "keys/${file}",\n`).join("");
  writeFileSync(
    join(dir, "firstmile.toml"),
    `format = 1
name = "qubes"
expires = 2100-01-01T00:00:00Z

[principal.qubes]
keys = [
${list}]

[role]
root = { any = 1, of = ["qubes"] }

[source.core-admin]
urls = ["https://github.com/QubesOS/qubes-core-admin"]
authenticate = "every-commit"
introduction = { commit = "${introduction}", signed_by = "root" }
[[source.core-admin.rule]]
paths = ["**"]
write = "root"
`,
  );
}
