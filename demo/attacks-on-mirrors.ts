/**
 * Dave is another organisation: his trust repository imports the role of acme's writers, is served from two places,
 * and asks that he says each week which state is the newest. A desktop follows him.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { parseCommitId } from "@firstmile/formats/git/object-id";
import { renderStatement, STATEMENT_PAYLOAD_TYPE } from "@firstmile/formats/statement/statement";
import { writeStatement } from "@firstmile/local/statements/write";
import type { Introduction } from "./foundation.ts";
import { judge, type Lib, STATEMENTS } from "./lib.ts";
import type { Person } from "./people.ts";
import { asVerdict, type Scene } from "./scene.ts";
import type { Expectation } from "./table.ts";

const PLACES = ["home.git", "home-mirror.git"] as const;

/** Dave's rules, at two places. */
export async function makeHome(scene: Scene, acme: Introduction, lib: Lib): Promise<Introduction> {
  const { screen, people, server, desktop } = scene;
  const { dave, alice } = people;
  screen.begin("dave trusts acme's writers: he imports that role, and nothing else of theirs");
  await dave.does("git", "init", "-q", "home");
  mkdirSync(join(dave.home, "home/keys"));
  for (const { publicKey } of [dave, alice])
    await dave.does("cp", publicKey, join("home/keys", basename(publicKey)));
  const rules = rulesOf(server, acme, lib);
  dave.write("home/firstmile.toml", rules);
  screen.output(
    rules
      .replace(/[\s\S]*(?=\[import)/, "")
      .trim()
      .replaceAll(server, "…"),
    "dim",
  );
  await dave.doesIn("home", "git", "add", ".");
  await dave.typesIn("home", "git", "commit", "-q", "-S", "-m", "rules");
  for (const place of PLACES)
    await dave.does("git", "init", "-q", "--bare", "--initial-branch=main", join(server, place));
  await pushToAll(dave, "main");
  await desktop.does(".", "git", "clone", "-q", "../server/lib.git", "lib");
  const fingerprint = (await dave.does("ssh-keygen", "-l", "-f", dave.publicKey)).split(" ")[1]!;
  const commit = (await dave.doesIn("home", "git", "rev-parse", "HEAD")).trim();
  return { commit, signedBy: fingerprint };
}

function rulesOf(server: string, { commit, signedBy }: Introduction, lib: Lib): string {
  return `format = 1
name = "home"
expires = 2099-01-01T00:00:00Z
mirrors = ["file://${server}/home-mirror.git"]
head = { signed_by = "root", max_age = "7d" }

[principal.dave]
keys = ["keys/dave.pub"]
[principal.ally]
keys = ["keys/alice.pub"]

[import.acme]
urls = ["file://${server}/trust.git"]
introduction = { commit = "${commit}", signed_by = ["${signedBy}"] }
roles = ["writer"]

[role]
root   = { any = 1, of = ["dave"] }
writer = { any = 1, of = ["acme/writer"] }
both   = { any = 2, of = ["ally", "acme/writer"] }

[source.lib]
urls = ["file://${server}/lib.git"]
authenticate = "every-commit"
introduction = { commit = "${lib.introduction}", signed_by = "writer" }
[[source.lib.rule]]
paths = ["**"]
write = "writer"
[[source.lib.rule]]
paths = ["/release/"]
write = "both"
`;
}

/** Nothing is followed before dave says that it is the newest; then his rules judge what acme's people wrote. */
export async function importRole(scene: Scene, home: Introduction): Promise<void> {
  const { screen, people, desktop } = scene;
  const { dave, carol } = people;
  const add = ["add", "../server/home.git", "--introduction", home.commit, "--signed-by", home.signedBy];
  screen.say("· when dave last said which rules are the newest, that was eight days ago");
  await sayNewestBack(dave, 8);
  const stale = {
    tried: "rules that were the newest last week",
    allowed: false,
    code: "stale-head",
  } as const;
  await follow(scene, add, stale);
  await dave.types("firstmile", "trust", "head", "home");
  await pushToAll(dave, STATEMENTS);
  await follow(
    scene,
    add,
    { tried: "the same after dave says so today", allowed: true, code: "followed" },
    true,
  );

  const theirs = { machine: desktop, by: [] };
  screen.say("· by dave's rules, carol's commit in lib");
  const squashed = { tried: "a commit by one of acme's writers", allowed: true, code: "authentic" } as const;
  await judge(scene, "origin/squashed", squashed, theirs);
  screen.say("· alice is dave's ally and acme's writer, and the release needs one of each");
  const once = {
    tried: "alice, as ally and as acme's writer",
    allowed: false,
    code: "too-few-signers",
  } as const;
  await judge(scene, "origin/release", once, { ...theirs, show: true });
  await carol.typesIn("lib", "firstmile", "cosign", "--statement", ".", "origin/release");
  await carol.doesIn("lib", "git", "push", "-q", "origin", STATEMENTS);
  const two = { tried: "the same with carol's statement", allowed: true, code: "authentic" } as const;
  await judge(scene, "origin/release", two, theirs);
}

/** One place serves old rules; then it serves different ones to different people. */
export async function attackMirrors(scene: Scene): Promise<void> {
  const { screen, people } = scene;
  const { dave } = people;
  screen.begin("Mirrors: one that lags does no harm, and one that tells another story is found out");
  await nextRules(dave, "of today");
  await pushTo(dave, PLACES[0], "main");
  const late = { tried: "new rules that one mirror lacks", allowed: true, code: "followed" } as const;
  await follow(scene, ["update"], late);

  screen.say("· dave's key signed other rules too, and the mirror serves those");
  await dave.doesIn("home", "git", "switch", "-q", "--create", "other", "main~1");
  await nextRules(dave, "for some");
  await pushTo(dave, PLACES[1], "other:main");
  const two = {
    tried: "two mirrors that contradict each other",
    allowed: false,
    code: "equivocation",
  } as const;
  await follow(scene, ["update"], two, true);
}

async function nextRules(dave: Person, name: string): Promise<void> {
  const file = "home/firstmile.toml";
  dave.write(file, dave.read(file).replace('name = "home"', `name = "home ${name}"`));
  await dave.typesIn("home", "git", "commit", "-q", "-a", "-S", "-m", `rules ${name}`);
}

/** As `firstmile trust head` did it some days ago: that command knows no time but now. */
async function sayNewestBack(dave: Person, days: number): Promise<void> {
  const commit = parseCommitId((await dave.doesIn("home", "git", "rev-parse", "HEAD")).trim());
  const at = Math.floor(Date.now() / 1000) - days * 86_400;
  const payload = renderStatement({ kind: "head", commit, at, source: null });
  writeFileSync(join(dave.home, "said"), preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload));
  await dave.does("ssh-keygen", "-q", "-Y", "sign", "-f", "dave", "-n", "firstmile-statement", "said");
  const signature = { keyid: undefined, sig: readFileSync(join(dave.home, "said.sig")) };
  const envelope = renderEnvelope({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures: [signature] });
  await writeStatement({ kind: "ref", repository: join(dave.home, "home") }, envelope);
  await pushToAll(dave, STATEMENTS);
}

async function pushToAll(dave: Person, ref: string): Promise<void> {
  for (const place of PLACES) await pushTo(dave, place, ref);
}

function pushTo(dave: Person, place: string, ref: string): Promise<string> {
  return dave.doesIn("home", "git", "push", "-q", `../../server/${place}`, ref);
}

async function follow(
  scene: Scene,
  words: readonly string[],
  expected: Expectation,
  show = false,
): Promise<void> {
  const { desktop, table, screen } = scene;
  const trust = ["firstmile", "trust", ...words];
  const shown = show ? await desktop.types(".", ...trust) : undefined;
  if (shown) screen.output(shown.stdout);
  // Adding it a second time needs the pin to be replaced.
  const asJson = [...trust, ...(show && words[0] === "add" ? ["--replace"] : []), "--json"];
  const { code, stdout } = show ? await desktop.tries(".", ...asJson) : await desktop.types(".", ...asJson);
  const wanted = expected.allowed ? 0 : 1;
  const holds = code === wanted && (shown?.code ?? code) === wanted;
  const facts = [{ what: `firstmile trust ${words[0]} ends with ${wanted}`, holds }];
  table.judge(expected, asVerdict(stdout), facts, show);
}
