/** `firstmile view` as people and scripts meet it. */
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { publish, wholeReviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoMounts } from "../view/view-world.ts";

const missing = await whyNoMounts();

describe.skipIf(missing)("view", () => {
  let world: World;
  let repository: WorldRepository;
  let signed: CommitId;
  let slice: string;
  let everyCommit: string;
  let bob: Person;
  beforeAll(async () => {
    world = await makeWorld();
    const alice: Person = await world.person("alice");
    bob = await world.person("bob");
    repository = await world.repository("pkgs");
    const files = { read: "read\n", "d/unread": "one\ntwo\n" };
    signed = await repository.commit({ by: alice, files });
    await repository.commit({ branch: "unsigned", parents: [signed], files: { read: "other\n" } });
    await publish(repository, await wholeReviewOf(repository, signed, ["read"]), bob);
    const people = [alice, bob];
    const roles = { writer: [alice], reader: [bob] };
    const rules = [{ paths: ["**"], review: "reader" }];
    const sources = { pkgs: { introduction: signed, authenticate: "slice", rules } } as const;
    slice = await world.policyDirectory({ people, roles, sources });
    everyCommit = await world.policyDirectory({ people, roles, sources: { pkgs: { introduction: signed } } });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  async function view(flags: readonly string[], revision: string, ...command: string[]) {
    const ended = await world.firstmile(["view", ...flags, repository.dir, revision, "--", ...command]);
    return { code: ended.code, stdout: ended.stdout.toString(), stderr: ended.stderr };
  }

  test("runs a command in the tree, and says what it opened", async () => {
    const { code, stdout, stderr } = await view([], "main", "sh", "-c", "cat read; ls d; exit 5");
    expect([code, stdout]).toEqual([5, "read\nunread\n"]);
    expect(stderr).toBe(
      `view: 1 file of ${basename(repository.dir, ".git")} at ${signed.slice(0, 12)} opened, 1 directory listed\n` +
        "view: not authenticated: this machine follows no trust repository\n",
    );
  });

  test("has the words behind -- for the command, whatever they look like", async () => {
    const { stdout } = await view([], "main", "printf", "<%s>", "--json", "-h", "--", "$x");
    expect(stdout).toBe("<--json><-h><--><$x>");
  });

  test("runs nothing at a commit that the rules deny", async () => {
    const { code, stdout } = await view(["--policy", everyCommit], "unsigned", "cat", "read");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^denied {2}source pkgs at [0-9a-f]{40}\n/);
    const good = await view(["--policy", everyCommit], "main", "cat", "read");
    expect(good).toEqual({
      code: 0,
      stdout: "read\n",
      stderr: `view: 1 file of pkgs at ${signed.slice(0, 12)} opened, 0 directories listed\n`,
    });
  });

  test("opens everything unless told to enforce", async () => {
    const { code, stdout } = await view(["--policy", slice], "main", "cat", "read", "d/unread");
    expect([code, stdout]).toEqual([0, "read\none\ntwo\n"]);
  });

  test("enforcing, opens what is covered, and tells of the rest: which, how long, who asked, what is missing", async () => {
    const flags = ["--enforce", "--policy", slice];
    const { code, stdout, stderr } = await view(flags, "main", "sh", "-c", "cat read d/unread; true");
    expect([code, stdout]).toEqual([1, "read\n"]);
    expect(stderr.replaceAll(/pid \d+/g, "pid N")).toBe(
      "cat: d/unread: Permission denied\n" +
        `view: 1 file of pkgs at ${signed.slice(0, 12)} opened, 0 directories listed\n` +
        "view: denied: 1 file\n" +
        "  d/unread  2 lines, asked for by cat: cat read d/unread (pid N)\n" +
        "    not-covered: d/unread: role reader has not read it\n" +
        `    help: to be read by bob: firstmile review pkgs ${signed.slice(0, 12)} --path d/unread\n`,
    );
    expect((await view(flags, "main", "cat", "read")).code).toBe(0);
  });

  test("shows a file that was changed since somebody read it with what differs", async () => {
    const lines = Array.from({ length: 40 }, (_, n) => `attribute${n} = value of number ${n};`);
    const known = { "d/package.nix": `${lines.join("\n")}\n` };
    const before = await repository.commit({ branch: "like", parents: [signed], files: known });
    await publish(repository, await wholeReviewOf(repository, before, ["d/package.nix"]), bob);
    const changed = { "d/package.nix": `${lines.with(20, "attribute20 = evil;").join("\n")}\n` };
    await repository.commit({ branch: "like", parents: [before], files: changed });
    const { code, stderr } = await view(
      ["--enforce", "--policy", slice],
      "like",
      "sh",
      "-c",
      "cat d/package.nix; true",
    );
    expect(code).toBe(1);
    expect(stderr).toContain("not signed; 97 % of its lines equal d/package.nix, which bob read");
    expect(stderr).toContain("    -attribute20 = value of number 20;\n    +attribute20 = evil;\n");
  });

  test("enforces by rules that speak of files, and by no others", async () => {
    expect((await view(["--enforce"], "main", "true")).code).toBe(2);
    const { code, stderr } = await view(["--enforce", "--policy", everyCommit], "main", "true");
    expect([code, stderr]).toEqual([2, expect.stringContaining("authentic with all its files")]);
  });

  test("takes the place of a directory, and starts where its caller is in it", async () => {
    const place = world.path("checkout");
    mkdirSync(join(place, "d"), { recursive: true });
    const words = ["view", "--at", place, repository.dir, "main", "--", "sh", "-c", "pwd; ls"];
    const { stdout } = await world.firstmile(words, { cwd: join(place, "d") });
    expect(stdout.toString()).toBe(`${place}/d\nunread\n`);
    expect((await view(["--at", world.path("nowhere")], "main", "true")).code).toBe(2);
  });

  test("writes down what was opened", async () => {
    const file = world.path("record.json");
    const { stderr } = await view(["--record", file, "--json"], "main", "cat", "read");
    const record = JSON.parse(readFileSync(file, "utf8")) as unknown;
    expect(JSON.parse(stderr)).toEqual(record);
    expect(record).toEqual({
      source: null,
      commit: signed,
      tree: (await repository.git("rev-parse", "main^{tree}")).trim(),
      authenticated: false,
      how: "fuse",
      code: 0,
      files: [
        {
          path: "read",
          mode: "100644",
          id: (await repository.git("rev-parse", "main:read")).trim(),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          allowed: true,
          pid: expect.any(Number),
          process: "cat: cat read",
        },
      ],
      directories: [],
      broken: [],
    });
  });

  test.each<[string, string[]]>([
    ["no command", ["view", "REPO", "main"]],
    ["no revision", ["view", "REPO"]],
    ["a revision that is not there", ["view", "REPO", "nothing", "--", "true"]],
    ["a repository that is none", ["view", "/", "main", "--", "true"]],
  ])("2: %s", async (_, words) => {
    const ended = await world.firstmile(words.map((word) => (word === "REPO" ? repository.dir : word)));
    expect([ended.code, ended.stdout.toString()]).toEqual([2, ""]);
    expect(ended.stderr).toMatch(/firstmile:/);
  });
});
