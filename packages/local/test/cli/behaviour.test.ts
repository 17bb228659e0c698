/** The command line as scripts and people meet it: exit codes, JSON, help, what it prints and what it does not. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parsePath } from "@firstmile/formats/statement/path";
import { makeWorld, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let repository: WorldRepository;
let rules: PolicySpec;
let policy: string;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
  repository = await world.repository("pkgs");
  const introduction = await repository.commit({ by: alice, files: { "a.nix": "1\n" } });
  await repository.commit({ by: alice, branch: "good", parents: [introduction], files: { "a.nix": "2\n" } });
  await repository.commit({ branch: "bad", parents: [introduction], files: { "a.nix": "3\n" } });
  rules = { people: [alice], sources: { pkgs: { introduction } } };
  policy = await world.policyDirectory(rules);
  chmodSync(world.dir, 0o755);
});
afterAll(() => world[Symbol.asyncDispose]());

const verify = (...args: string[]) =>
  world.firstmile(["verify", repository.dir, ...args, "--policy", policy]);

describe("verify", () => {
  test("0: allowed, as JSON", async () => {
    const { code, stdout, stderr } = await verify("good", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout.toString())).toEqual({
      allowed: true,
      source: "pkgs",
      commit: repository.tip("good"),
      checked: 1,
      denied: [],
      goodlisted: [],
    });
  });

  test("1: denied, as JSON", async () => {
    const { code, stdout } = await verify("bad", "--json");
    expect(code).toBe(1);
    const commit = repository.tip("bad");
    expect(JSON.parse(stdout.toString())).toMatchObject({
      allowed: false,
      source: "pkgs",
      commit,
      checked: 1,
      denied: [{ commit, code: "unsigned", message: expect.any(String), remedy: expect.any(String) }],
    });
  });

  test("1: denied, for people, with no colours in a pipe", async () => {
    const { code, stdout } = await verify("bad");
    expect(code).toBe(1);
    expect(stdout.toString()).toMatch(
      /^denied {2}source pkgs at [0-9a-f]{40}\n {2}[0-9a-f]{12} {2}unsigned: has no signature\nhelp: /,
    );
    expect(stdout.includes(0x1b)).toBe(false);
  });

  test.each<[string, string[]]>([
    ["a revision that is not there", ["verify", "REPO", "nothing", "--policy", "POLICY"]],
    [
      "a revision that looks like an option",
      ["verify", "--policy", "POLICY", "--", "REPO", "--upload-pack=x"],
    ],
    ["a repository that is none", ["verify", "/", "--policy", "POLICY"]],
    ["rules that are not there", ["verify", "REPO", "good", "--policy", "/nonexistent"]],
    [
      "a source that the rules do not have",
      ["verify", "REPO", "good", "--policy", "POLICY", "--source", "x"],
    ],
    ["an unknown flag", ["verify", "REPO", "--no-verify"]],
    ["a flag twice", ["verify", "REPO", "--policy", "POLICY", "--policy", "POLICY"]],
    ["no repository", ["verify"]],
    ["one argument too many", ["verify", "REPO", "good", "more"]],
    ["no rules at all", ["verify", "REPO", "good"]],
    ["an unknown command", ["vouch"]],
    [
      "two introductions",
      ["trust", "add", "REPO", "--introduction", "a", "--introduction", "b", "--signed-by", "c"],
    ],
    ["a short introduction", ["trust", "add", "REPO", "--introduction", "abcd", "--signed-by", "SHA256:x"]],
    ["no trust repository to show", ["trust", "show"]],
  ])("2: %s", async (_, args) => {
    const filled = args.map((arg) => arg.replace("REPO", repository.dir).replace("POLICY", policy));
    const { code, stdout, stderr } = await world.firstmile(filled);
    expect(code).toBe(2);
    expect(stdout.toString()).toBe("");
    expect(stderr).not.toBe("");
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(stderr).not.toContain("\x1b");
  });

  test("1: update without a pin", async () => {
    const { code, stdout } = await world.firstmile(["trust", "update", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout.toString())).toMatchObject({ allowed: false, reasons: [{ code: "no-policy" }] });
  });

  test("3: no Git on this machine", async () => {
    const node = execFileSync("sh", ["-c", "command -v node"], { env: process.env }).toString().trim();
    const { code, stderr } = await world.firstmile(["verify", repository.dir, "--policy", policy], {
      env: { PATH: await onlyPrograms(node) },
    });
    expect(code).toBe(3);
    expect(stderr).toContain("git");
  });
});

/** A directory with all that the launcher needs, and no Git. */
async function onlyPrograms(node: string): Promise<string> {
  const dir = world.fresh("bin");
  mkdirSync(dir);
  for (const name of ["sh", "dirname", "readlink"])
    execFileSync("ln", [
      "-s",
      execFileSync("sh", ["-c", `command -v ${name}`])
        .toString()
        .trim(),
      join(dir, name),
    ]);
  execFileSync("ln", ["-s", node, join(dir, "node")]);
  return dir;
}

test.each([
  [[]],
  [["init"]],
  [["trust"]],
  [["trust", "add"]],
  [["trust", "update"]],
  [["trust", "show"]],
  [["verify"]],
  [["cosign"]],
  [["review"]],
])("firstmile %j --help", async (command) => {
  const { code, stdout } = await world.firstmile([...command, "--help"]);
  expect(code).toBe(0);
  expect(stdout.toString()).toContain(["firstmile", ...command].join(" "));
  expect(stdout.includes(0x1b)).toBe(false);
});

describe("what others wrote is shown harmlessly", () => {
  const evil = "evil\x1b]0;owned\x07\x1b[2Jname\u202e.nix";

  test("paths", async () => {
    const odd = await world.repository("odd");
    const bob = await world.person("bob");
    const introduction = await odd.commit({ by: alice });
    await odd.commit({ by: bob, files: { [evil]: "1", "docs/x": "1" }, author: "\x1b[31mred" });
    const dir = await world.policyDirectory({
      people: [alice, bob],
      roles: { docs: [bob], writer: [alice] },
      sources: {
        pkgs: {
          introduction,
          rules: [
            { paths: ["**"], write: "writer" },
            { paths: ["/docs/"], write: "docs" },
          ],
        },
      },
    });
    const shown = await world.firstmile(["verify", odd.dir, "main", "--policy", dir]);
    expect(shown.code).toBe(1);
    expect(shown.stdout.toString()).toContain("outside-paths: changes evil\\x1b]0;owned");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get out
    expect(shown.stdout.toString("latin1")).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    expect(shown.stdout.toString()).not.toContain("\u202e");
    const json = await world.firstmile(["verify", odd.dir, "main", "--policy", dir, "--json"]);
    expect(json.stdout.includes(0x1b)).toBe(false);
    const [denied] = JSON.parse(json.stdout.toString()).denied;
    expect(parsePath(denied.paths[0])).toBe(Buffer.from(evil).toString("latin1"));
  });

  test("names on the command line", async () => {
    const { code, stderr } = await verify(evil);
    expect(code).toBe(2);
    expect(stderr).not.toContain("\x1b");
  });
});

describe.skipIf(process.getuid?.() !== 0)("as somebody else", () => {
  const NOBODY = 65534;

  test("on a repository of root's, from a directory that is empty, without any network", async () => {
    const cwd = world.fresh("empty");
    mkdirSync(cwd);
    const args = ["verify", repository.dir, "good", "--policy", policy, "--json"];
    const { code, stdout } = await world.firstmile(args, {
      cwd,
      uid: NOBODY,
      offline: true,
      env: { FIRSTMILE_STATE: "/nonexistent/state", HOME: "/nonexistent" },
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout.toString())).toMatchObject({ allowed: true });
  });
});

test("init, trust add, a co-signed change, trust update, verify: a whole story through the command line", async () => {
  const bob = await world.person("bob");
  const dir = world.fresh("trust");
  const keyOf = (person: Person) => `${person.name}=${world.path(`${person.name}.key.pub`)}`;
  const as = (person: Person, more: Record<string, string> = {}) => {
    const settings = {
      ...person.gitConfig,
      "user.name": person.name,
      "user.email": "a@example.org",
      ...more,
    };
    const entries = Object.entries(settings).flatMap(([key, value], i) => [
      [`GIT_CONFIG_KEY_${i}`, key],
      [`GIT_CONFIG_VALUE_${i}`, value],
    ]);
    return {
      GIT_CONFIG_COUNT: String(entries.length / 2),
      ...Object.fromEntries(entries),
      FIRSTMILE_STATE: world.path("machine"),
    };
  };
  const ok = async (args: string[], env: Record<string, string>) => {
    const result = await world.firstmile(args, { env });
    expect(result.stderr + (result.code === 0 ? "" : result.stdout.toString())).toBe("");
    return result.stdout.toString();
  };
  const init = ["init", dir, "--principal", keyOf(alice), "--principal", keyOf(bob), "--root", "2", "--json"];
  const made = JSON.parse(await ok(init, as(alice)));
  expect(made.signedBy).toBe(alice.fingerprint);
  await ok(["cosign", dir, made.commit], as(bob));
  const add = ["trust", "add", dir, "--introduction", made.commit];
  await ok([...add, "--signed-by", alice.fingerprint, "--signed-by", bob.fingerprint], as(alice));
  const source = `\nwriter = ["alice"]\n[source.pkgs]\nurls = ["https://example.org/pkgs"]\nauthenticate = "every-commit"\nintroduction = { commit = "${rules.sources!.pkgs!.introduction}", signed_by = "writer" }\n[[source.pkgs.rule]]\npaths = ["**"]\nwrite = "writer"\n`;
  const text =
    readFileSync(join(dir, "firstmile.toml"), "utf8") +
    source.replace('["alice"]', '{ any = 1, of = ["alice"] }');
  writeFileSync(join(dir, "firstmile.toml"), text);
  const commit = ["-C", dir, "commit", "-q", "-S", "-a", "-m", "add pkgs"];
  execFileSync("git", commit, { env: { PATH: process.env.PATH, HOME: world.dir, ...as(bob) } });
  const refused = await world.firstmile(["trust", "update"], { env: as(alice) });
  expect(refused.code).toBe(1);
  expect(refused.stdout.toString()).toContain("root-not-met");
  await ok(["cosign", dir, "HEAD"], as(alice));
  expect(await ok(["trust", "update"], as(alice))).toContain("1 new commit authenticated");
  expect(JSON.parse(await ok(["trust", "show", "--json"], as(alice)))).toMatchObject({ sources: ["pkgs"] });
  expect(await ok(["verify", repository.dir, "good"], as(alice))).toMatch(/^allowed {2}source pkgs/);
});
