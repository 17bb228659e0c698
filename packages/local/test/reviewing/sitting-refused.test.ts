/** Sittings that come to nothing: bad input, and what no machine or repository of the user's has. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readStatements } from "@firstmile/local/statements/read";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { signingEnv } from "@firstmile/testing/world-people";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LONG, sliceStory } from "./slice-story.ts";

let world: World;
let alice: Person;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
});
afterAll(() => world[Symbol.asyncDispose]());

const story = () => sliceStory(world, [alice], { "a.nix": LONG });

describe("2: bad input, and nothing is signed", () => {
  test.each<[string, string[], RegExp]>([
    ["a path that is not there", ["--yes", "--path", "b.nix"], /no file of the tree is at b\.nix/],
    ["a path outside", ["--yes", "--path", "../a.nix"], /no file of the tree is at \.\.\/a\.nix/],
    ["a rejection of everything", ["--reject", "-A", "hello"], /--reject of what\?/],
    ["nobody to ask", [], /nobody can be asked here/],
    ["JSON without an answer", ["--json"], /nobody can be asked here/],
    ["a note that nobody may print", ["--yes", "--note", "\u202e"], /note/],
    ["a source that is no name", ["--yes", "--source", "A B"], /source/],
  ])("%s", async (_, args, why) => {
    const { review, signed } = await story();
    const { code, stderr } = await review(alice, ...args);
    expect(stderr).toMatch(why);
    expect([code, await signed()]).toEqual([2, []]);
  });

  test("a revision that is not there, and none at all", async () => {
    const { repository, types } = await story();
    const missing = await types(alice, ["review", repository.dir, "nothing", "--path", ".", "--yes"]);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("no commit is named")]);
    const none = await world.firstmile(["review", repository.dir, "--yes"]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("which change of it?")]);
    const nothing = await world.firstmile(["review", "--yes"]);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("review what?")]);
  });

  test("a source that is judged by its commits", async () => {
    const repository = await world.repository("commits");
    const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
    const policy = await world.policyDirectory({ people: [alice], sources: { commits: { introduction } } });
    const args = ["review", repository.dir, "main", "--path", ".", "--yes", "--policy", policy];
    const { code, stderr } = await world.firstmile(args, { env: signingEnv(alice) });
    expect(code).toBe(2);
    expect(stderr).toContain("is judged by its commits");
  });

  test("a fetched source without a place of one's own", async () => {
    const { types } = await story();
    const { code, stderr } = await types(alice, ["review", "pkgs", "main", "--path", ".", "--yes"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--to DIR")]);
  });

  test("somebody whom the rules do not name", async () => {
    const { repository, types } = await story();
    const args = ["review", "--list", repository.dir, "main", "--path", ".", "--for", "mallory"];
    const { code, stderr } = await types(alice, args);
    expect([code, stderr]).toEqual([2, expect.stringContaining("mallory is no principal of these rules")]);
  });

  test.skipIf(missingForNixWorld("host") !== undefined)("an attribute that does not evaluate", async () => {
    const files = { "default.nix": `{ good = throw "not today"; }` };
    const { review, signed } = await sliceStory(world, [alice], files);
    for (const [attr, why] of [
      ["missing", /attribute 'missing'/],
      ["good", /not today/],
    ] as const) {
      const { code, stderr } = await review(alice, "--yes", "-A", attr);
      expect(stderr).toMatch(/evaluation-failed/);
      expect(stderr).toMatch(why);
      expect([code, await signed()]).toEqual([2, []]);
    }
  });
});

describe("3: this machine lacks something", () => {
  test("a signing key: told before anything is evaluated or shown", async () => {
    const { repository, policy, signed } = await story();
    const empty = world.fresh("gnupg");
    mkdirSync(empty, { mode: 0o700 });
    const args = ["review", repository.dir, "main", "--path", ".", "--yes", "--policy", policy];
    const { code, stdout, stderr } = await world.firstmile(args, { env: { GNUPGHOME: empty } });
    expect([code, stdout.toString(), await signed()]).toEqual([3, "", []]);
    expect(stderr).toMatch(/help: .*user\.signingkey/);
  });
});

describe("1: not of this source", () => {
  test("a commit that does not descend from the introduction", async () => {
    const { repository, types, signed } = await story();
    const other = await repository.commit({ branch: "other", parents: [], files: { "a.nix": LONG } });
    const { code, stderr } = await types(alice, ["review", repository.dir, other, "--path", ".", "--yes"]);
    expect([code, await signed()]).toEqual([1, []]);
    expect(stderr).toContain("not-a-descendant");
  });
});

describe("where it is written", () => {
  test("below a directory; what was said there before counts for the next sitting", async () => {
    const { review, signed } = await story();
    const out = world.fresh("out");
    expect((await review(alice, "--yes", "--to", out)).stdout).toContain("hand that directory");
    expect((await review(alice, "--yes", "--to", out)).stdout).toContain("there is nothing to read");
    expect([(await readStatements([{ kind: "directory", path: out }])).found.length, await signed()]).toEqual(
      [1, []],
    );
  });

  test("into the statements of a trust repository's checkout, with how to commit it", async () => {
    const { review, policy } = await story();
    const { stdout } = await review(alice, "--yes", "--to", policy);
    expect(stdout.replace(/\s+/g, " ")).toContain(`commit it: git -C ${policy} add statements`);
    expect(existsSync(join(policy, "statements"))).toBe(true);
    expect((await review(alice, "--yes")).stdout).toContain("there is nothing to read");
  });

  test.skipIf(process.getuid?.() !== 0)("3: not into a repository of somebody else", async () => {
    const { repository, policy } = await story();
    chmodSync(world.dir, 0o755);
    const home = world.fresh("home");
    mkdirSync(home, { mode: 0o777 });
    chmodSync(home, 0o777);
    writeFileSync(join(home, "key.pub"), await alice.publicKey());
    chmodSync(join(home, "key.pub"), 0o644);
    const env = {
      FIRSTMILE_STATE: join(home, "state"),
      GIT_CONFIG_COUNT: "2",
      GIT_CONFIG_KEY_0: "gpg.format",
      GIT_CONFIG_VALUE_0: "ssh",
      GIT_CONFIG_KEY_1: "user.signingkey",
      GIT_CONFIG_VALUE_1: join(home, "key.pub"),
    };
    const args = ["review", repository.dir, "main", "--path", ".", "--yes", "--policy", policy];
    const { code, stderr } = await world.firstmile(args, { uid: 65534, cwd: "/", env });
    expect([code, stderr]).toEqual([3, expect.stringContaining("--to DIR")]);
  });
});

test("what is not shown is told, and what is shown is harmless", async () => {
  const files = {
    ".gitattributes": "* -diff\n*.nix binary\n",
    "evil\x1b]0;owned\x07.nix": "x\x1b[2J\u202ey\u200bz\r\n",
    "run.sh": "#!/bin/sh\n\0rm -rf\n",
    "big.txt": "a line\n".repeat(2500),
  };
  const { review, approves } = await sliceStory(world, [alice], files);
  const { code, stdout, stderr } = await review(alice, "--yes");
  expect(code).toBe(0);
  expect(stdout).toContain("+x\\x1b[2J\\u{202e}y\\u{200b}z\\x0d\n");
  expect(stdout).toContain("it is binary, 18 bytes, and not shown");
  expect(stdout).toContain("it is long: 2,500 lines to read");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(stdout + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202e\u200b]/);
  expect((await approves(alice)).files).toEqual([]);
});
