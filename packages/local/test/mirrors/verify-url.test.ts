/** `firstmile verify` on what is elsewhere: fetched once, compared between mirrors, commits alone where they suffice. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommitId } from "@firstmile/formats/git/object-id";
import { writeStatement } from "@firstmile/local/statements/write";
import { DAY, makeWorld, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { distrustOf, publish } from "../../../../testing/src/world-statements.ts";
import { git, headEnvelope, mirrorOf, say } from "../trust-repository/served.ts";
import { type Daemon, gitDaemon } from "./git-daemon.ts";

let world: World;
let daemon: Daemon;
let alice: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, mallory] = await Promise.all([world.person("alice"), world.person("mallory")]);
  daemon = await gitDaemon(world.dir);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** Files that compress badly, so that a transfer without them shows. */
function noise(seed: number): string {
  let x = seed;
  const next = () => {
    x = (x * 48271) % 2147483647;
    return x.toString(36);
  };
  return Array.from({ length: 20_000 }, next).join("\n");
}

async function history(format: "sha1" | "sha256" = "sha1", filter = true): Promise<WorldRepository> {
  const repository = await world.repository("pkgs", format);
  await git(repository.dir, "config", "uploadpack.allowFilter", String(filter));
  await repository.commit({ by: alice, files: { "a.nix": noise(1) } });
  await repository.commit({ by: alice, files: { "b.nix": noise(2), "docs/c": "1\n" } });
  return repository;
}

interface Answer {
  readonly code: number;
  readonly json: {
    readonly allowed: boolean;
    readonly commit: string;
    readonly checked: number;
    readonly denied: readonly { readonly code: string }[];
    readonly findings?: readonly {
      readonly ok: boolean;
      readonly code: string;
      readonly because?: readonly { code: string }[];
    }[];
    readonly fetched: { readonly bytes: number; readonly onlyCommits: boolean };
  };
}

class Verifier {
  readonly policy: string;
  private readonly state = world.fresh("state");

  constructor(policy: string) {
    this.policy = policy;
  }

  run(...args: string[]) {
    return world.firstmile(["verify", ...args, "--policy", this.policy], {
      env: { FIRSTMILE_STATE: this.state },
    });
  }

  async ask(...args: string[]): Promise<Answer> {
    const { code, stdout, stderr } = await this.run(...args, "--json");
    expect(stderr).toBe("");
    return { code, json: JSON.parse(stdout.toString()) };
  }

  /** Types of all objects fetched. */
  async kinds(): Promise<Set<string>> {
    const [name] = readdirSync(join(this.state, "verified"));
    const listed = await git(
      join(this.state, "verified", name!),
      "cat-file",
      "--batch-all-objects",
      "--batch-check",
    );
    return new Set(listed.split("\n").map((line) => line.split(" ")[1]!));
  }
}

interface Setting extends Partial<PolicySpec> {
  /** A line for the source. */
  readonly head?: string;
  readonly rules?: readonly RuleSpec[];
}

/** Somebody with rules for one source, `pkgs`, and nothing fetched yet. */
async function verifier(
  repository: WorldRepository,
  urls: readonly string[],
  { head = "", rules, ...more }: Setting = {},
): Promise<Verifier> {
  const introduction = parseCommitId(await git(repository.dir, "rev-list", "--max-parents=0", "main"));
  const source = { introduction, ...(rules ? { rules } : {}) };
  const dir = await world.policyDirectory({ people: [alice], sources: { pkgs: source }, ...more });
  const file = join(dir, "firstmile.toml");
  const text = readFileSync(file, "utf8").replace(/^urls = .*$/m, `urls = ${JSON.stringify(urls)}\n${head}`);
  writeFileSync(file, text);
  return new Verifier(dir);
}

describe.each(["sha1", "sha256"] as const)("%s", (format) => {
  test("by URL: commits alone, and the second time nothing, and then only what is new", async () => {
    const repository = await history(format);
    const url = daemon.url(repository.dir);
    const verify = await verifier(repository, [url]);
    const first = await verify.ask(url);
    expect(first).toMatchObject({
      code: 0,
      json: { allowed: true, checked: 1, commit: repository.tip(), fetched: { onlyCommits: true } },
    });
    expect(await verify.kinds()).toEqual(new Set(["commit"]));
    expect(first.json.fetched.bytes).toBeLessThan(2000);
    expect((await verify.ask(url)).json).toMatchObject({ checked: 0, fetched: { bytes: 0 } });
    await repository.commit({ by: alice, files: { "a.nix": noise(3) } });
    const third = await verify.ask(url);
    expect(third.json).toMatchObject({ allowed: true, checked: 1, commit: repository.tip() });
    expect(third.json.fetched.bytes).toBeGreaterThan(0);
    expect(third.json.fetched.bytes).toBeLessThan(first.json.fetched.bytes + 100);
    expect(await verify.kinds()).toEqual(new Set(["commit"]));
  });
});

test("a rule on paths needs the files: all of them are fetched", async () => {
  const repository = await history();
  const url = daemon.url(repository.dir);
  const rules = [
    { paths: ["**"], write: "writer" },
    { paths: ["/docs/"], write: "docs" },
  ];
  const verify = await verifier(repository, [url], { roles: { docs: [alice] }, rules });
  const { json } = await verify.ask(url);
  expect(json).toMatchObject({ allowed: true, fetched: { onlyCommits: false } });
  expect(json.fetched.bytes).toBeGreaterThan(50_000);
  expect(await verify.kinds()).toEqual(new Set(["commit", "tree", "blob"]));
});

test("a server that cannot leave files out sends them, which is said", async () => {
  const repository = await history("sha1", false);
  const verify = await verifier(repository, [daemon.url(repository.dir)]);
  const { code, stdout } = await verify.run("pkgs");
  expect(code).toBe(0);
  expect(stdout.toString()).toMatch(
    /\d{5,} bytes fetched from git:.*, files too: the server cannot leave them out/,
  );
});

test("commits alone give the verdict that the whole gives: unsigned, strangers, and clean merges by strangers", async () => {
  const repository = await history();
  const tip = repository.tip();
  await repository.commit({ files: { x: "1" }, branch: "unsigned", parents: [tip] });
  await repository.commit({ by: mallory, files: { x: "1" }, branch: "stranger", parents: [tip] });
  const side = await repository.commit({ by: alice, files: { y: "1" }, branch: "side", parents: [tip] });
  const main = await repository.commit({ by: alice, files: { z: "1" } });
  await repository.merge({ by: mallory, parents: [main, side], branch: "merge" });
  const url = daemon.url(repository.dir);
  const verify = await verifier(repository, [url], { people: [alice, mallory], roles: { writer: [alice] } });
  for (const branch of ["unsigned", "stranger", "merge", "side"]) {
    const there = await verify.ask(url, branch, "--no-cache");
    const here = await verify.ask(repository.dir, branch, "--no-cache");
    const { fetched, ...verdict } = there.json;
    expect(fetched.onlyCommits).toBe(true);
    expect(verdict).toEqual(here.json);
    expect(verdict.allowed).toBe(branch === "side");
  }
  expect(await verify.kinds()).toEqual(new Set(["commit"]));
});

test("co-signatures in notes come along, with their trees", async () => {
  const repository = await history();
  const bob = await world.person("bob");
  const verify = await verifier(repository, [daemon.url(repository.dir)], {
    people: [alice, bob],
    roles: { both: { any: 2, of: [alice, bob] } },
    rules: [{ paths: ["**"], write: "both" }],
  });
  expect((await verify.ask("pkgs")).json.denied[0]?.code).toBe("too-few-signers");
  await repository.cosign(repository.tip(), bob);
  expect((await verify.ask("pkgs")).json).toMatchObject({ allowed: true });
});

describe("by the name of a source", () => {
  test("a branch, a tag, a whole id", async () => {
    const repository = await history();
    const old = await git(repository.dir, "rev-parse", "main");
    await git(repository.dir, "tag", "-a", "-m", "one", "v1", "main");
    await repository.commit({ by: alice, files: { "a.nix": "3\n" }, branch: "stable" });
    const verify = await verifier(repository, [daemon.url(repository.dir)]);
    expect((await verify.ask("pkgs@stable")).json.commit).toBe(repository.tip("stable"));
    expect((await verify.ask("pkgs@v1")).json.commit).toBe(old);
    expect((await verify.ask("pkgs", old)).json.commit).toBe(old);
  });

  test.each([
    "pkgs@nothing",
    "pkgs@--upload-pack=x",
    "pkgs@a..b",
    "pkgs@refs/*",
    "ext::sh",
    "svn://127.0.0.1/x",
  ])("2 or 3: %s", async (named) => {
    const repository = await history();
    const verify = await verifier(repository, [daemon.url(repository.dir)]);
    const { code, stdout, stderr } = await verify.run(named);
    expect(code).toBeGreaterThan(1);
    expect(stdout.toString()).toBe("");
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  test("a URL that begins with a dash", async () => {
    const repository = await history();
    const verify = await verifier(repository, [daemon.url(repository.dir)]);
    const { code } = await world.firstmile(["verify", "--policy", verify.policy, "--", "--upload-pack=x"]);
    expect(code).toBe(2);
  });
});

describe("mirrors", () => {
  const codes = (answer: Answer) =>
    (answer.json.findings ?? []).flatMap(({ code, because = [] }) => [
      code,
      ...because.map((below) => below.code),
    ]);

  test("one behind, one forged, one silent: the newest authentic head is judged", async () => {
    const repository = await history();
    const behind = await mirrorOf(world, repository);
    const newest = await repository.commit({ by: alice, files: { "a.nix": "3\n" } });
    const evil = await repository.commit({
      by: mallory,
      files: { "a.nix": "4\n" },
      branch: "evil",
      parents: [newest],
    });
    const forged = await mirrorOf(world, repository, evil);
    const verify = await verifier(
      repository,
      [behind, forged, repository, { dir: world.path("nothing.git") }].map(({ dir }) => daemon.url(dir)),
    );
    const answer = await verify.ask("pkgs");
    expect(answer).toMatchObject({ code: 0, json: { allowed: true, commit: newest } });
    expect(codes(answer)).toEqual([
      "followed",
      "mirror-behind",
      "mirror-unauthentic",
      "authentic",
      "mirror-unreachable",
    ]);
  });

  test("equivocation: one branch, two authentic heads", async () => {
    const repository = await history();
    const begin = repository.tip();
    await repository.commit({ by: alice, files: { "a.nix": "for you\n" } });
    const other = await repository.commit({
      by: alice,
      files: { "a.nix": "for others\n" },
      branch: "other",
      parents: [begin],
    });
    const mirror = await mirrorOf(world, repository, other);
    const verify = await verifier(
      repository,
      [repository, mirror].map(({ dir }) => daemon.url(dir)),
    );
    const answer = await verify.ask("pkgs");
    expect(answer.code).toBe(1);
    expect(codes(answer)[0]).toBe("equivocation");
  });

  test("other branches may differ as they like", async () => {
    const repository = await history();
    const begin = repository.tip();
    const mirror = await mirrorOf(world, repository);
    await repository.commit({ by: alice, files: { x: "1" }, branch: "wip", parents: [begin] });
    await git(mirror.dir, "fetch", "-q", repository.dir, "+refs/heads/wip:refs/heads/other");
    const verify = await verifier(
      repository,
      [repository, mirror].map(({ dir }) => daemon.url(dir)),
    );
    expect(await verify.ask("pkgs")).toMatchObject({ code: 0, json: { allowed: true, commit: begin } });
  });
});

test("statements that a URL drops stay heard, and that is told", async () => {
  const repository = await history();
  const policy = { people: [alice, mallory], roles: { writer: [alice], warden: [mallory] } };
  const verify = await verifier(repository, [daemon.url(repository.dir)], policy);
  expect((await verify.ask("pkgs")).json.allowed).toBe(true);
  await publish(repository, distrustOf({ keys: [alice.fingerprint], because: "stolen" }), mallory);
  const said = (await verify.ask("pkgs")).json;
  expect(said).toMatchObject({ allowed: false, denied: [{ code: "distrusted" }] });
  await git(repository.dir, "update-ref", "-d", "refs/firstmile/statements");
  await publish(repository, distrustOf({ keys: ["SHA256:x"], because: "other" }), mallory);
  const again = await verify.run("pkgs");
  expect([again.code, again.stderr.toString()]).toEqual([
    1,
    expect.stringContaining("1 statement is no longer carried by"),
  ]);
  expect((await verify.ask("pkgs")).json.denied).toEqual(said.denied);
});

describe("signed heads of a source", () => {
  test("are read wherever statements are kept, beside the rules too", async () => {
    const repository = await history();
    const verify = await verifier(repository, [daemon.url(repository.dir)], {
      head: 'head = { signed_by = "writer", max_age = "7d" }',
    });
    expect((await verify.ask("pkgs")).json.findings).toMatchObject([{ ok: false, code: "stale-head" }]);
    const at = Math.floor(Date.now() / 1000);
    const envelope = await headEnvelope({ commit: repository.tip(), at, by: [alice], source: "pkgs" });
    await writeStatement({ kind: "directory", path: join(verify.policy, "statements") }, envelope);
    expect((await verify.ask("pkgs")).json).toMatchObject({
      allowed: true,
      findings: [{ ok: true, code: "fresh" }],
    });
  });

  const head = 'head = { signed_by = "writer", max_age = "7d" }';
  const now = Math.floor(Date.now() / 1000);

  test.each<[string, number, string | undefined, string]>([
    ["today", now, "pkgs", "fresh"],
    ["too long ago", now - 8 * DAY, "pkgs", "stale-head"],
    ["about another source", now, "other", "stale-head"],
    ["about the trust repository", now, undefined, "stale-head"],
  ])("said %s: %s", async (_, at, source, code) => {
    const repository = await history();
    const url = daemon.url(repository.dir);
    const verify = await verifier(repository, [url], { head });
    await say(repository.dir, {
      commit: repository.tip(),
      at,
      by: [alice],
      ...(source === undefined ? {} : { source }),
    });
    const answer = await verify.ask("pkgs");
    expect(answer.json.findings?.map((finding) => finding.code)).toEqual([code]);
    expect(answer.code).toBe(code === "fresh" ? 0 : 1);
  });

  test("of a descendant that the mirror keeps back from the branch: how far behind is told", async () => {
    const repository = await history();
    const old = repository.tip();
    const newest = await repository.commit({ by: alice, files: { x: "1" } });
    await say(repository.dir, { commit: newest, at: now, by: [alice], source: "pkgs" });
    const verify = await verifier(repository, [daemon.url(repository.dir)], { head });
    await verify.ask("pkgs");
    const answer = await verify.ask(`pkgs@${old}`);
    expect(answer.json).toMatchObject({ allowed: false, denied: [], findings: [{ code: "stale-head" }] });
  });
});
