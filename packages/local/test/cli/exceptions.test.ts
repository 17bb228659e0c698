/** What people accept for now and what they speak against, typed by them, with real keys. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import { runOk } from "@firstmile/local/process/run";
import type { StatementPlace } from "@firstmile/local/statements/place";
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import { makeWorld, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import { emailOf, gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import { filesAt } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

const DAY = 86_400;
const DRV = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12.1.drv";
const OUT = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12.1";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("carol"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

let repository: WorldRepository;
let commit: CommitId;
let checkout: string;
let to: string;

/** A checkout with a few files, and a place for statements that nothing is in yet. */
async function begin(format: "sha1" | "sha256" = "sha1") {
  repository = await world.repository("pkgs", format);
  commit = await repository.commit({
    by: alice,
    files: { "a.nix": "1\n", "b/c.nix": "2\n", "b/caf\u00e9.nix": "3\n", empty: "" },
  });
  checkout = world.fresh("checkout");
  await runOk("git", ["clone", "--quiet", "--template=", repository.dir, checkout], { env: gitEnv() });
  to = world.fresh("statements");
}
beforeEach(() => begin());

function types(person: Person, ...args: readonly string[]) {
  const entries = Object.entries({ ...person.gitConfig, "user.email": emailOf(person.name) });
  const env = {
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
  return world.firstmile(args, { cwd: checkout, env });
}

async function said(place: StatementPlace = { kind: "directory", path: to }): Promise<Statement[]> {
  return (await readStatements([place])).found.map(({ envelope }) => statementIn(envelope));
}

const soon = () => Math.floor(Date.now() / 1000);
const waive = (...args: readonly string[]) =>
  types(alice, "waive", "--until", "30d", "--because", "not read yet", ...args);
const distrust = (...args: readonly string[]) => types(alice, "distrust", "--because", "it is bad", ...args);

async function contentOf(path: string) {
  const [file] = await filesAt(repository, commit, [path]);
  return { kind: "content", sha256: file!.sha256, id: file!.id, path: file!.path };
}

describe("waive", () => {
  test.each([
    ["sha1", "a.nix"],
    ["sha1", "b/caf\u00e9.nix"],
    ["sha256", "b/c.nix"],
  ] as const)("a file: its committed content at its path (%s, %s)", async (format, path) => {
    await begin(format);
    const before = soon();
    const { code, stdout, stderr } = await waive(path, "--to", to);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toContain("statement ");
    const [waiver] = (await said()) as WaiverStatement[];
    expect(waiver!.targets).toEqual([await contentOf(path)]);
    expect(waiver).toMatchObject({ because: "not read yet", paths: [], source: undefined });
    expect(waiver!.until - before).toBeGreaterThanOrEqual(30 * DAY);
    expect(waiver!.until - before).toBeLessThan(30 * DAY + 60);
  });

  test("by default on a ref of the checkout, with the command that hands it on", async () => {
    const { stdout } = await waive("a.nix", "--source", "pkgs", "--anywhere");
    const [waiver] = (await said({ kind: "ref", repository: checkout })) as WaiverStatement[];
    expect(waiver).toMatchObject({ source: "pkgs", targets: [{ path: undefined }] });
    expect(stdout.toString()).toContain("push origin refs/firstmile/statements");
  });

  test("paths of a source", async () => {
    await waive("--paths", "b/", "--paths", "*.nix", "--source", "pkgs", "--to", to);
    expect(await said()).toMatchObject([{ paths: ["*.nix", "b/"], source: "pkgs", targets: [] }]);
  });

  test("a derivation, an output, what a link leads to, and a hash", async () => {
    const store = join(world.fresh("store"), "0123456789abcdfghijklmnpqrsvwxyz-linked");
    mkdirSync(store, { recursive: true });
    symlinkSync(store, join(checkout, "result"));
    const sha256 = "ab".repeat(32);
    const sri = `sha256-${Buffer.from(sha256, "hex").toString("base64")}`;
    for (const subject of [DRV, OUT, "result", `sha256:${sha256}`, sri])
      expect((await waive(subject, "--to", to)).code).toBe(0);
    const targets = (await said()).flatMap((one) => (one.kind === "waiver" ? one.targets : []));
    const found = targets.map((one) => (one.kind === "store" ? one.baseName : one.sha256));
    expect([...new Set(found)].sort()).toEqual(
      [DRV, OUT, store]
        .map((path) => path.slice(path.lastIndexOf("/") + 1))
        .concat(sha256)
        .sort(),
    );
  });

  test.each([
    ["2020-01-01", "is over already"],
    ["400d", "is no time"],
    ["2999-01-01", "more than a year ahead"],
    ["2027-02-30", "is no time"],
    ["tomorrow", "is no time"],
    ["0d", "is no time"],
  ])("until %s is refused: %s", async (until, problem) => {
    const ended = await types(alice, "waive", "a.nix", "--until", until, "--because", "x", "--to", to);
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(problem)]);
    expect(await said()).toEqual([]);
  });

  test("a moment is taken to the second", async () => {
    const until = new Date((soon() + DAY) * 1000).toISOString().replace(/\.\d+Z$/, "Z");
    await types(alice, "waive", "a.nix", "--until", until, "--because", "x", "--to", to);
    expect(await said()).toMatchObject([{ until: Date.parse(until) / 1000 }]);
  });

  test.each([
    [["a.nix", "--because", " "], "nothing is said of why"],
    [[], "nothing is named"],
    [["none.nix"], "is no file here"],
    [["b"], "is a directory"],
    [["--paths", "b/"], "none is named"],
    [["--paths", "[ab]", "--source", "pkgs"], "is no pattern"],
    [["--paths", "b/", "--source", "Pkgs!"], "source"],
    [["a.nix", "--paths", "b/", "--source", "pkgs"], "a subject and paths"],
    [["sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"], "is no SHA-256"],
    [["sha256:ab"], "is no hash"],
    [["new.nix"], "differs|in no commit|is not as commit"],
    [["changed.nix"], "is not as commit"],
    [["a.nix", "--to", "a.nix"], "is no directory"],
  ])("%j is refused: %s", async (args, problem) => {
    writeFileSync(join(checkout, "new.nix"), "new\n");
    writeFileSync(join(checkout, "b/c.nix"), "changed\n");
    const named = args.map((arg) => (arg === "changed.nix" ? "b/c.nix" : arg));
    const rest = ["--until", "30d", "--to", to].filter((_, i) => i < 2 || !args.includes("--to"));
    const reason = args.includes("--because") ? [] : ["--because", "x"];
    const ended = await types(alice, "waive", ...named, ...rest, ...reason);
    expect(ended.stderr).toMatch(new RegExp(problem));
    expect([ended.code === 0, await said()]).toEqual([false, []]);
  });

  test("without a checkout it has to be said where", async () => {
    const ended = await world.firstmile(["waive", DRV, "--until", "30d", "--because", "x"]);
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining("--to DIR")]);
  });

  test("into a trust repository, it tells what passes by its rules, and who else has to sign", async () => {
    const rules = await world.policyDirectory({
      people: [alice, carol],
      roles: { root: [alice], both: { any: 2, of: [alice, carol] }, warden: [alice] },
      sources: {
        pkgs: {
          introduction: commit,
          authenticate: "slice",
          rules: [
            { paths: ["**"], review: "root", waive: "root" },
            { paths: ["b/"], review: "root", waive: "both" },
            { paths: ["empty"], review: "root" },
          ],
        },
      },
    });
    const until = new Date((soon() + DAY) * 1000).toISOString().replace(/\.\d+Z$/, "Z");
    const told = async (...args: readonly string[]) => {
      const said = ["--until", until, "--because", "x", "--to", rules];
      return (await types(alice, "waive", ...args, ...said)).stdout.toString();
    };
    expect(await told("a.nix")).toMatch(/✓ source pkgs, rule at line \d+: passes, as role root may waive it/);
    expect(await told("b/c.nix")).toMatch(/✗ source pkgs, rule at line \d+: counts only with carol as well/);
    expect(await told("empty")).toContain("these rules let nobody waive it");
    expect(await told(OUT)).toContain("outputs: these rules let nobody waive it");
    expect(await told("a.nix", "--source", "other")).toContain("nothing that these rules speak of");
    expect(await told("a.nix")).toContain("you had signed it before");
    expect(await told("a.nix")).toContain(`git -C ${rules} commit -S`);
    expect((await said({ kind: "directory", path: join(rules, "statements") })).length).toBe(5);
  });

  test("as JSON", async () => {
    const { stdout } = await waive("a.nix", "--to", to, "--json");
    const answer = JSON.parse(stdout.toString());
    expect(answer).toMatchObject({ targets: [{ path: "a.nix" }], because: "not read yet", effects: null });
    expect(answer.statement).toMatchObject({ fresh: true });
  });
});

function policyOf(introduction: CommitId): PolicySpec {
  return {
    people: { alice: [alice], bob: [bob, carol] },
    roles: { root: [alice], writer: [alice, bob], warden: ["bob"] },
    sources: { pkgs: { introduction } },
  };
}

describe("distrust", () => {
  test("a commit: every content that it brings in, at its path", async () => {
    commit = await repository.commit({ by: alice, files: { "b/c.nix": "bad\n", "d.nix": "bad too\n" } });
    await runOk("git", ["-C", checkout, "pull", "--quiet", "--ff-only"], { env: gitEnv() });
    const { stdout } = await distrust("HEAD", "--to", to);
    expect(stdout.toString()).toContain("the 2 contents that");
    const [words] = (await said()) as DistrustStatement[];
    const expected = [await contentOf("b/c.nix"), await contentOf("d.nix")];
    expect([...words!.targets].sort(byPath)).toEqual(expected);
  });

  test("a commit that only takes away has none", async () => {
    await repository.commit({ by: alice, whole: true, files: { "a.nix": "1\n" } });
    await runOk("git", ["-C", checkout, "pull", "--quiet", "--ff-only"], { env: gitEnv() });
    const ended = await distrust("HEAD", "--to", to);
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining("brings in no content")]);
  });

  test("thousands of contents: as many statements as they need", async () => {
    const files = Object.fromEntries(Array.from({ length: 4_500 }, (_, i) => [`many/${i}`, `${i}\n`]));
    await repository.commit({ by: alice, files });
    await runOk("git", ["-C", checkout, "pull", "--quiet", "--ff-only"], { env: gitEnv() });
    expect((await distrust("HEAD", "--to", to)).code).toBe(0);
    const all = (await said()) as DistrustStatement[];
    expect(all.length).toBeGreaterThan(1);
    expect(all.flatMap(({ targets }) => targets).length).toBe(4_500);
  });

  test("keys, as they are printed", async () => {
    const spaced = bob.fingerprint.replace(/(.{4})(?=.)/g, "$1 ");
    const nix = `nix:cache-1:${Buffer.alloc(32).toString("base64")}`;
    const sigstore = "sigstore:https://accounts.example.org carol@example.org 0123456789ab";
    for (const key of [alice.fingerprint, spaced, nix, sigstore]) await distrust(key, "--to", to);
    const keys = (await said()).flatMap((one) => (one.kind === "distrust" ? one.keys : []));
    expect(keys.sort()).toEqual([alice.fingerprint, bob.fingerprint, nix, sigstore].sort());
  });

  test("somebody of the rules: all their keys", async () => {
    const policy = await world.policyDirectory(policyOf(commit));
    const { stdout } = await distrust("bob", "--policy", policy, "--to", to);
    expect(stdout.toString()).toContain("bob, 2 keys");
    expect(await said()).toMatchObject([{ keys: [bob.fingerprint, carol.fingerprint].sort() }]);
  });

  test("what could be somebody or a file is neither", async () => {
    const policy = await world.policyDirectory(policyOf(commit));
    await repository.commit({ by: alice, files: { bob: "a file\n" } });
    await runOk("git", ["-C", checkout, "pull", "--quiet", "--ff-only"], { env: gitEnv() });
    const ended = await distrust("bob", "--policy", policy, "--to", to);
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining("and a file here")]);
    expect((await distrust("./bob", "--policy", policy, "--to", to)).code).toBe(0);
    expect(await said()).toMatchObject([{ keys: [], targets: [{ path: "bob" }] }]);
  });

  test("who is no warden is told that nobody hears it; a slip in a key too", async () => {
    const policy = await world.policyDirectory(policyOf(commit));
    const slip = `SHA256:${"A".repeat(43)}`;
    const ended = await distrust(slip, "--policy", policy, "--to", to);
    const told = ended.stderr.replace(/\s+/g, " ");
    expect(told).toContain(
      "nobody who goes by the rules of world will hear it: alice is not in their role warden",
    );
    expect(told).toContain(`list no key ${slip}`);
    const stranger = await types(
      await world.person("mallory"),
      "distrust",
      "bob",
      "--because",
      "x",
      "--policy",
      policy,
      "--to",
      to,
    );
    expect(stranger.stderr.replace(/\s+/g, " ")).toContain("your key is nobody's among those whom they list");
    const heard = await types(bob, "distrust", "alice", "--because", "x", "--policy", policy, "--to", to);
    expect(heard.stderr).toBe("");
  });

  test("is heard by firstmile verify", async () => {
    const policy = await world.policyDirectory(policyOf(commit));
    const verify = () =>
      world.firstmile(["verify", checkout, "--policy", policy], {
        env: { FIRSTMILE_STATE: world.fresh("s") },
      });
    expect((await verify()).code).toBe(0);
    await types(bob, "distrust", "b/c.nix", "--because", "it phones home", "--to", policy);
    const ended = await verify();
    expect(ended.code).toBe(1);
    expect(ended.stdout.toString().replace(/\s+/g, " ")).toContain(
      "distrusted: b/c.nix: bob distrusts it: it phones home",
    );
  });

  test.each([["nothing-here"], ["0123456789abcdef0123456789abcdef01234567"], ["SHA256:short"], [""]])(
    "%j is nothing that could be distrusted",
    async (subject) => {
      const ended = await distrust("--to", to, "--", subject);
      expect([ended.code === 0, await said()]).toEqual([false, []]);
    },
  );

  test("whoever cannot sign is told, and nothing is written", async () => {
    const ended = await world.firstmile(["distrust", "a.nix", "--because", "x", "--to", to], {
      cwd: checkout,
    });
    expect([ended.code === 0, await said()]).toEqual([false, []]);
    rmSync(to, { recursive: true, force: true });
  });
});

function byPath(a: DistrustStatement["targets"][number], b: typeof a): number {
  return (a.kind === "content" ? a.path! : "") < (b.kind === "content" ? b.path! : "") ? -1 : 1;
}
