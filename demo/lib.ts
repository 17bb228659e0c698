/**
 * Another repository, `lib`, where three people write and read each other's changes. The laptop judges it by a draft
 * of its rules in a directory, as anybody tries rules before root signs them.
 */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import type { Machine } from "./machines.ts";
import type { Person } from "./people.ts";
import type { Scene } from "./scene.ts";
import type { Expectation } from "./table.ts";

/** What changes in the rules while the story goes on. */
export interface LibRules {
  /** Fields of alice's old key: `retired = { after = "COMMIT" }`. */
  readonly oldKey?: string;
  readonly goodlist?: readonly string[];
}

export interface Lib {
  readonly introduction: string;
  /** Alice's key of before: SSH, in her home. */
  readonly oldKey: string;
}

export async function makeLib(scene: Scene): Promise<Lib> {
  const { people, screen, server, laptop } = scene;
  const { alice, bob, carol } = people;
  screen.begin("lib: whatever is written there, somebody else must have read");
  const oldKey = join(alice.home, "alice-old");
  await alice.types("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f", basename(oldKey));
  await alice.does("git", "init", "-q", "lib");
  for (const folder of ["src", "docs", "release"]) mkdirSync(join(alice.home, "lib", folder));
  alice.write("lib/src/main.c", "int main(void) { return 0; }\n");
  alice.write("lib/docs/intro", "A library.\n");
  alice.write("lib/release/version", "1.0\n");
  await alice.doesIn("lib", "git", "add", ".");
  await alice.doesIn("lib", "git", "commit", "-q", "-S", "-m", "lib 1.0");
  const bare = join(server, "lib.git");
  await alice.does("git", "init", "-q", "--bare", "--initial-branch=main", bare);
  await alice.doesIn("lib", "git", "remote", "add", "origin", "../../server/lib.git");
  await alice.doesIn("lib", "git", "push", "-q", "--set-upstream", "origin", "main");
  for (const person of [bob, carol]) await person.does("git", "clone", "-q", "../server/lib.git", "lib");
  await laptop.does(".", "git", "clone", "-q", "../server/lib.git", "lib");
  const introduction = (await alice.doesIn("lib", "git", "rev-parse", "main")).trim();
  const lib = { introduction, oldKey: `${oldKey}.pub` };
  writeRules(scene, lib, {});
  screen.output(
    rulesOf(lib.introduction, {})
      .replace(/[\s\S]*(?=\[role\])/, "")
      .trim(),
    "dim",
  );
  return lib;
}

/** Writes the draft of the rules and its keys into the laptop's home. */
export function writeRules({ laptop, people }: Scene, lib: Lib, rules: LibRules): void {
  const keys = join(laptop.home, "rules/keys");
  mkdirSync(keys, { recursive: true });
  const files = [people.alice, people.bob, people.carol].map(({ publicKey }) => publicKey);
  for (const file of [...files, lib.oldKey]) copyFileSync(file, join(keys, basename(file)));
  writeFileSync(join(laptop.home, "rules/firstmile.toml"), rulesOf(lib.introduction, rules));
}

function rulesOf(introduction: string, { oldKey, goodlist = [] }: LibRules): string {
  const old = oldKey === undefined ? '"keys/alice-old.pub"' : `{ file = "keys/alice-old.pub", ${oldKey} }`;
  return `format = 1
name = "lib"
expires = 2099-01-01T00:00:00Z

[principal.alice]
email = "alice@acme.example"
keys = ["keys/alice.pub", ${old}]
[principal.bob]
email = "bob@acme.example"
keys = ["keys/bob.asc"]
[principal.carol]
email = "carol@acme.example"
keys = ["keys/carol.pub"]

[role]
root     = { any = 2, of = ["alice", "bob", "carol"] }
writer   = { any = 1, of = ["alice", "bob", "carol"] }
reviewer = { any = 1, of = ["alice", "bob", "carol"] }

[source.lib]
urls = ["https://forge.example/acme/lib"]
authenticate = "every-commit"
introduction = { commit = "${introduction}", signed_by = "writer" }
goodlist = [${goodlist.map((commit) => `"${commit}"`).join(", ")}]
[[source.lib.rule]]
paths = ["**"]
write = "writer"
review = "reviewer"
[[source.lib.rule]]
paths = ["/docs/"]
write = "writer"
[[source.lib.rule]]
paths = ["/release/"]
write = { any = 2, of = ["alice", "bob", "carol"] }
`;
}

/** A person begins a branch of `lib`, at main unless told otherwise, from what the server has. */
export async function begin(person: Person, branch: string, at = "origin/main"): Promise<void> {
  await person.doesIn("lib", "git", "fetch", "-q", "origin");
  await person.doesIn("lib", "git", "switch", "-q", "--no-track", "--force-create", branch, at);
}

/** Commits all of `lib`, signed, and shows it. */
export function commit(person: Person, message: string, ...settings: string[]): Promise<string> {
  const config = settings.flatMap((setting) => ["-c", setting]);
  return person.typesIn("lib", "git", ...config, "commit", "-q", "-a", "-S", "-m", message);
}

export function push(person: Person, ...refs: string[]): Promise<string> {
  return person.doesIn("lib", "git", "push", "-q", "origin", ...refs);
}

export const STATEMENTS = "refs/firstmile/statements";

/** Somebody reads a range of `lib`, says so, and pushes that beside what others said. */
export async function review(person: Person, range: string, ...flags: string[]): Promise<void> {
  await person.doesIn("lib", "git", "fetch", "-q", "origin");
  // Before the first review there is none.
  await person.tries("lib", "git", "fetch", "-q", "origin", `+${STATEMENTS}:${STATEMENTS}`);
  await person.typesIn("lib", "firstmile", "review", ".", range, ...flags);
  await push(person, STATEMENTS);
}

/** What a machine is to be told of a branch, and whether to show it as it is. */
export interface Judging {
  readonly machine?: Machine;
  /** Words after the revision. */
  readonly by?: readonly string[];
  readonly show?: boolean;
}

/** Fetches what was pushed to `lib`, judges a revision of it, and notes what came out. */
export async function judge(
  scene: Scene,
  revision: string,
  expected: Expectation,
  { machine = scene.laptop, by = ["--policy", "../rules"], show = false }: Judging = {},
): Promise<void> {
  await machine.does("lib", "git", "fetch", "-q", "--tags", "origin", ...EVERYTHING);
  const verify = ["firstmile", "verify", ".", revision, ...by];
  // Both run at once, so what one remembers may not be what the other finds.
  const asJson = [...verify, ...(show ? ["--no-cache"] : []), "--json"];
  const shown = show ? showVerdict(scene, machine, verify) : undefined;
  const { code, stdout } = show
    ? await machine.tries("lib", ...asJson)
    : await machine.types("lib", ...asJson);
  const wanted = expected.allowed ? 0 : 1;
  const codes = new Set([code, (await shown) ?? code]);
  const facts = [{ what: `firstmile verify ends with ${wanted}`, holds: [...codes].join() === `${wanted}` }];
  const answer = stdout.startsWith("{") ? (JSON.parse(stdout) as HistoryVerdict) : undefined;
  scene.table.judge(expected, answer && asReasons(answer), facts, show);
}

const EVERYTHING = [
  "+refs/heads/*:refs/remotes/origin/*",
  "+refs/notes/*:refs/notes/*",
  "+refs/firstmile/*:refs/firstmile/*",
];

/** The same as a person reads it; gives the exit code. */
async function showVerdict({ screen }: Scene, machine: Machine, verify: readonly string[]): Promise<number> {
  const { code, stdout } = await machine.types("lib", ...verify);
  screen.output(stdout);
  return code;
}

/** The offending commits as findings, the newest first; where there is none, what the history is. */
function asReasons({ allowed, commit: id, source, checked, denied, goodlisted }: HistoryVerdict) {
  const against = denied.map(({ code, message }) => ({ ok: false, code, message }));
  const commits = checked === 1 ? "1 commit" : `${checked} commits`;
  const authentic = { ok: true, code: "authentic", message: `${commits} of ${source}` } as const;
  const excepted = goodlisted.map(
    (good) => ({ ok: true, code: "goodlisted", message: `root accepted ${good}` }) as const,
  );
  const reasons = allowed ? [authentic, ...excepted] : against;
  return { allowed, subject: { kind: "commit", source: `source ${source}`, id } as const, reasons };
}
