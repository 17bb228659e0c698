/** People give evidence by the command line, with real keys, and what they give counts. */
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { run } from "@firstmile/local/process/run";
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import type { CliOptions } from "@firstmile/testing/world";
import { makeWorld, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import { emailOf, gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import { cosignStatement, publish } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const REF = "refs/firstmile/statements";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
let dora: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol, dora] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("carol"),
    world.person("dora", "ssh-ecdsa"),
  ]);
  chmodSync(world.dir, 0o755);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Git configuration of a person, as their environment has it. */
function config(values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(values);
  return {
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
}

const as = (person: Person) => config({ ...person.gitConfig, "user.email": emailOf(person.name) });

/** A command line of somebody. */
function types(person: Person, args: readonly string[], options: CliOptions = {}) {
  return world.firstmile(args, { ...options, env: { ...as(person), ...options.env } });
}

const REVIEWED: RuleSpec = { paths: ["**"], write: "writer", review: "reviewer" };

async function begin(rule: RuleSpec = REVIEWED, format: "sha1" | "sha256" = "sha1") {
  const repository = await world.repository("pkgs", format);
  const introduction = await repository.commit({ by: alice, files: { "a.nix": "1\n", "b.nix": "1\n" } });
  const spec: PolicySpec = {
    people: [alice, bob, carol, dora],
    emails: true,
    roles: { writer: [alice, bob, carol], reviewer: [alice, bob, carol, dora] },
    sources: { pkgs: { introduction, rules: [rule] } },
  };
  const policy = await world.policyDirectory(spec);
  const verify = async (tip: CommitId) => {
    const { code, stdout } = await world.firstmile(
      ["verify", repository.dir, tip, "--policy", policy, "--json"],
      { env: { FIRSTMILE_STATE: world.fresh("state") } },
    );
    const verdict = JSON.parse(stdout.toString());
    return { code, denied: verdict.denied as { code: string; remedy: string; paths: string[] }[] };
  };
  return { repository, introduction, policy, verify };
}

async function statementsIn(repository: WorldRepository) {
  return (await readStatements([{ kind: "ref", repository: repository.dir }])).found;
}

async function hasStatements({ dir }: WorldRepository): Promise<boolean> {
  const found = await run("git", ["-C", dir, "rev-parse", "--verify", "--quiet", REF], { env: gitEnv() });
  return found.code === 0;
}

describe("review", () => {
  test.each([
    ["bob, with gpg", "sha1", () => bob],
    ["carol, with ssh-keygen", "sha256", () => carol],
    ["dora, with ECDSA", "sha1", () => dora],
  ] as const)("the remedy of a verdict, typed by %s (%s), allows it", async (_, format, who) => {
    const { repository, verify } = await begin(REVIEWED, format);
    const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const before = await verify(commit);
    expect([before.code, before.denied.map(({ code }) => code)]).toEqual([1, ["not-reviewed"]]);
    const [command] = /firstmile review REPO [0-9a-f]+/.exec(before.denied[0]!.remedy)!;
    const args = command.replace("REPO", repository.dir).split(" ").slice(1);
    const { code, stdout, stderr } = await types(who(), [...args, "--yes"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toContain("\n-1\n+2\n");
    expect(stdout.toString()).toContain(`push it: git push origin ${REF}`);
    expect((await verify(commit)).code).toBe(0);
  });

  test("the author's own does not count, and is warned of; whatever the case of the address", async () => {
    const { repository, verify } = await begin();
    const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const env = config({ ...alice.gitConfig, "user.email": "ALICE@example.org" });
    const { code, stderr } = await world.firstmile(["review", repository.dir, commit, "--yes"], { env });
    expect(code).toBe(0);
    expect(stderr).toContain(`you had a part in ${commit.slice(0, 12)}`);
    expect((await verify(commit)).denied.map(({ code }) => code)).toEqual(["not-reviewed"]);
  });

  test("a co-author is warned, whoever merges is not", async () => {
    const { repository, introduction } = await begin();
    const message = "x\n\nCo-authored-by: Bob <bob@example.org>\n";
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: { c: "1\n" },
      message,
    });
    const merge = await repository.merge({ by: carol, parents: [introduction, side] });
    const warned = async (person: Person) =>
      (await types(person, ["review", repository.dir, merge, "--yes"])).stderr;
    expect(await warned(bob)).toContain(side.slice(0, 12));
    expect(await warned(carol)).toBe("");
  });

  test("a merge is read against its first parent, and the review counts", async () => {
    const { repository, introduction, verify } = await begin();
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: { c: "1\n" },
    });
    const merge = await repository.merge({ by: alice, parents: [introduction, side] });
    expect((await verify(merge)).code).toBe(1);
    await types(bob, ["review", repository.dir, merge, "--yes"]);
    expect((await verify(merge)).code).toBe(0);
  });

  test("BASE..REV holds after a squash", async () => {
    const { repository, introduction, verify } = await begin();
    await repository.commit({
      by: alice,
      branch: "work",
      parents: [introduction],
      files: { "a.nix": "2\n" },
    });
    const top = await repository.commit({ by: alice, branch: "work", files: { c: "new\n", "b.nix": null } });
    const { code } = await types(bob, ["review", repository.dir, `${introduction}..${top}`, "--yes"]);
    expect(code).toBe(0);
    const squashed = await repository.commit({
      by: alice,
      files: { "a.nix": "2\n", c: "new\n", "b.nix": null },
    });
    expect((await verify(squashed)).code).toBe(0);
  });

  test("whoever fetches from where it was pushed, by the command that it says, is allowed too", async () => {
    const { repository, policy } = await begin();
    const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const { stdout } = await types(bob, ["review", repository.dir, commit, "--yes"]);
    const [, push] = /^push it: git (push origin \S+)$/m.exec(stdout.toString())!;
    const origin = await world.repository("origin");
    await repository.git("remote", "add", "origin", origin.dir);
    await repository.git("push", "--quiet", "origin", "main");
    const verify = () => world.firstmile(["verify", origin.dir, commit, "--policy", policy, "--no-cache"]);
    expect((await verify()).code).toBe(1);
    await repository.git(...push!.split(" "));
    expect((await verify()).code).toBe(0);
  });

  test("--reject denies, whoever approves, and its words are kept", async () => {
    const { repository, verify } = await begin();
    const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    await types(bob, ["review", repository.dir, commit, "--yes"]);
    const { code } = await types(carol, ["review", repository.dir, commit, "--reject", "--note", "a trap"]);
    expect(code).toBe(0);
    expect((await verify(commit)).denied.map(({ code }) => code)).toEqual(["review-rejected"]);
    const said = (await statementsIn(repository)).map(({ envelope }) => statementIn(envelope));
    expect(said).toContainEqual(
      expect.objectContaining({ verdict: "reject", note: "a trap", depth: "read" }),
    );
  });

  test.each([["--skimmed"], ["--machine"], ["--source=other"]])(
    "%s is said, and does not count",
    async (flag) => {
      const { repository, verify } = await begin();
      const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
      const { code, stdout } = await types(bob, ["review", repository.dir, commit, "--yes", flag]);
      expect([code, stdout.includes("meets none")]).toEqual([0, !flag.startsWith("--source")]);
      expect((await verify(commit)).code).toBe(1);
      expect((await types(bob, ["review", repository.dir, commit, "--yes", "--source=pkgs"])).code).toBe(0);
      expect((await verify(commit)).code).toBe(0);
    },
  );

  test.each([
    ["gpg", () => bob],
    ["ssh-keygen", () => carol],
    ["ECDSA", () => dora],
  ])("twice the same by %s is there once", async (_, who) => {
    const { repository } = await begin();
    const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const review = () => types(who(), ["review", repository.dir, commit, "--yes", "--json"]);
    const [first, second] = [await review(), await review()].map(({ stdout }) =>
      JSON.parse(stdout.toString()),
    );
    expect(first.statements[0].fresh).toBe(true);
    expect(second.statements).toEqual([{ ...first.statements[0], fresh: false }]);
    expect(await statementsIn(repository)).toHaveLength(1);
    await types(alice, ["review", repository.dir, commit, "--yes"]);
    expect(await statementsIn(repository)).toHaveLength(2);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "--to DIR: outside any repository, with no network, as somebody who may not write to it",
    async () => {
      const { repository } = await begin();
      const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
      const key = join(world.dir, "nobodys.key");
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
      await run("chown", ["65534", key, `${key}.pub`]);
      const out = world.fresh("out");
      mkdirSync(out);
      chmodSync(out, 0o777);
      const env = {
        ...config({ "gpg.format": "ssh", "user.signingkey": key }),
        FIRSTMILE_STATE: join(out, "state"),
      };
      const options = { cwd: "/", uid: 65534, offline: true, env };
      const refused = await world.firstmile(["review", repository.dir, commit, "--yes"], options);
      expect([refused.code, refused.stdout.toString()]).toEqual([3, ""]);
      expect(refused.stderr).toContain("--to DIR");
      expect(await hasStatements(repository)).toBe(false);
      const { code, stderr } = await world.firstmile(
        ["review", repository.dir, commit, "--yes", "--to", out],
        options,
      );
      expect([code, stderr]).toEqual([0, ""]);
      const { found } = await readStatements([{ kind: "directory", path: out }]);
      expect(found.map(({ envelope }) => statementIn(envelope).kind)).toEqual(["review"]);
    },
  );

  test.each<[string, string[], RegExp]>([
    ["a revision that is not there", ["nothing"], /no commit is named/],
    ["three dots", ["main...main"], /neither a revision nor BASE\.\.REV/],
    ["an empty difference", ["main..main"], /nothing differs/],
    ["a note that nobody may print", ["main", "--note", "\u202e"], /note/],
    ["a source that is no name", ["main", "--source", "A B"], /source/],
  ])("2: %s, and nothing is signed", async (_, args, why) => {
    const { repository } = await begin();
    await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const { code, stdout, stderr } = await types(bob, ["review", repository.dir, ...args, "--yes"]);
    expect([code, stdout.toString()]).toEqual([2, ""]);
    expect(stderr).toMatch(why);
    expect(await hasStatements(repository)).toBe(false);
  });

  test("2: nobody to ask", async () => {
    const { repository } = await begin();
    const { code, stderr } = await types(bob, ["review", repository.dir, "main"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--yes");
    expect(await hasStatements(repository)).toBe(false);
  });

  test.each<[string, Record<string, string>]>([
    ["gpg without a secret key", { "gpg.format": "openpgp" }],
    ["SSH without a key named", { "gpg.format": "ssh" }],
    ["SSH with a key that is not there", { "gpg.format": "ssh", "user.signingkey": "/nonexistent" }],
  ])("3: no signing key: %s", async (_, values) => {
    const { repository } = await begin();
    const empty = world.fresh("gnupg");
    mkdirSync(empty, { mode: 0o700 });
    const env = { ...config(values), GNUPGHOME: empty };
    const { code, stdout, stderr } = await world.firstmile(["review", repository.dir, "main", "--yes"], {
      env,
    });
    // Told before anything is shown: nobody reads for an hour in vain.
    expect([code, stdout.toString()]).toEqual([3, ""]);
    expect(stderr).toMatch(/help: .*user\.signingkey/);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(await hasStatements(repository)).toBe(false);
  });

  test("3: a signature that would count for nobody is not kept", async () => {
    const { repository } = await begin();
    const weak = await world.person("weak", "ssh-rsa-1024");
    const { code, stderr } = await types(weak, ["review", repository.dir, "main", "--yes"]);
    expect(code).toBe(3);
    expect(stderr).toContain("weak-key");
    expect(await hasStatements(repository)).toBe(false);
  });

  test("what is not shown is told, and what is shown is harmless", async () => {
    const { repository } = await begin();
    const files = {
      ".gitattributes": "* -diff\n*.nix binary\n",
      "evil\x1b]0;owned\x07.nix": "x\x1b[2J\u202ey\u200b\u3164z\r\n",
      "run.sh": "#!/bin/sh\n\0rm -rf\n",
    };
    const commit = await repository.commit({ by: alice, files, message: "a\x1b[31m\n" });
    const { code, stdout, stderr } = await types(bob, ["review", repository.dir, commit, "--yes"]);
    expect(code).toBe(0);
    const text = stdout.toString();
    expect(text).toContain("+x\\x1b[2J\\u{202e}y\\u{200b}\\u{3164}z\\x0d\n");
    expect(text).toContain("alice: a\\x1b[31m\n");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202e\u200b]/);
    expect(stderr).toContain("1 binary file is in it and not shown: run.sh");
  });

  test("a base that the commit does not build on is told, with what was meant", async () => {
    const { repository, introduction } = await begin();
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: { c: "1\n" },
    });
    const main = await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const { stderr } = await types(bob, ["review", repository.dir, `${main}..${side}`, "--yes"], {
      env: { COLUMNS: "900" },
    });
    expect(stderr).toContain(
      `firstmile review ${repository.dir} ${introduction.slice(0, 12)}..${side.slice(0, 12)}`,
    );
  });

  test("more than one statement holds", async () => {
    const { repository, verify } = await begin();
    const files = Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [`pkgs/p${i}.nix`, `${i % 7}\n`]),
    );
    const commit = await repository.commit({ by: alice, files });
    const { code, stdout } = await types(carol, ["review", repository.dir, commit, "--yes", "--json"]);
    expect(code).toBe(0);
    const { paths, statements } = JSON.parse(stdout.toString());
    expect(paths).toBe(3000);
    expect(statements.length).toBeGreaterThan(1);
    expect((await verify(commit)).code).toBe(0);
  });
});

describe("cosign", () => {
  const BOTH: RuleSpec = { paths: ["**"], write: { any: 3, of: ["alice", "bob", "carol"] } };

  async function two() {
    const world2 = await begin(BOTH);
    const commit = await world2.repository.commit({ by: alice, files: { "a.nix": "2\n" } });
    const codes = async () => (await world2.verify(commit)).denied.map(({ code }) => code);
    return { ...world2, commit, codes };
  }

  /** `git tag -s`, by somebody. */
  async function tag({ dir }: WorldRepository, commit: CommitId, person: Person) {
    const args = ["-C", dir, "tag", "-s", "-m", "signed", `by-${person.name}`, commit];
    const { code, stderr } = await run("git", args, { env: { ...gitEnv(), ...as(person) } });
    expect([code, stderr]).toEqual([0, ""]);
  }

  const ways: Record<
    string,
    (repository: WorldRepository, commit: CommitId, person: Person) => Promise<unknown>
  > = {
    note: ({ dir }, commit, person) => types(person, ["cosign", dir, commit]),
    statement: ({ dir }, commit, person) => types(person, ["cosign", dir, commit, "--statement"]),
    "bound to the tree": ({ dir }, commit, person) => types(person, ["cosign", dir, commit, "--bind-tree"]),
    tag,
  };

  test.each([
    ["note", "statement"],
    ["statement", "note"],
    ["tag", "bound to the tree"],
    ["bound to the tree", "tag"],
  ])("three of three: besides its author one by %s and one by %s", async (first, second) => {
    const { repository, commit, codes } = await two();
    expect(await codes()).toEqual(["too-few-signers"]);
    await ways[first]!(repository, commit, bob);
    expect(await codes()).toEqual(["too-few-signers"]);
    await ways[second]!(repository, commit, carol);
    expect(await codes()).toEqual([]);
  });

  test("too-few-signers: one person in all four ways is one", async () => {
    const { repository, commit, codes } = await two();
    for (const way of Object.values(ways)) await way(repository, commit, bob);
    expect(await codes()).toEqual(["too-few-signers"]);
  });

  test("--bind-tree names the content of the tree; another hash does not count", async () => {
    const { repository, commit, codes } = await two();
    const other = await repository.commit({
      by: alice,
      branch: "other",
      files: { z: "9\n" },
      parents: [commit],
    });
    const hashOf = async (id: CommitId) => {
      const { stdout } = await types(bob, ["cosign", repository.dir, id, "--bind-tree", "--json"]);
      return JSON.parse(stdout.toString()).narHash as string;
    };
    const [right, wrong] = [await hashOf(commit), await hashOf(other)];
    expect(right).toMatch(/^sha256-[A-Za-z0-9+/]{43}=$/);
    await publish(repository, cosignStatement(commit, wrong), carol);
    expect(await codes()).toEqual(["too-few-signers"]);
    await publish(repository, cosignStatement(commit, right), carol);
    expect(await codes()).toEqual([]);
  });

  test("--statement twice is there once", async () => {
    const { repository, commit } = await two();
    for (let i = 0; i < 2; i++) await types(bob, ["cosign", repository.dir, commit, "--statement"]);
    expect(await statementsIn(repository)).toHaveLength(1);
    expect(readdirSync(join(repository.dir, "refs")).includes("notes")).toBe(false);
  });

  test("2: --bind-tree where a file is missing, and nothing is signed", async () => {
    const { repository, commit } = await two();
    rmSync(repository.objectFile(repository.blob(commit, "a.nix")));
    const { code, stderr } = await types(bob, ["cosign", repository.dir, commit, "--bind-tree"]);
    expect([code, await hasStatements(repository)]).toEqual([2, false]);
    expect(stderr).toContain("cannot be read whole");
  });

  test("3: no key, 2: no such revision", async () => {
    const { repository } = await two();
    const env = config({ "gpg.format": "ssh" });
    for (const flags of [[], ["--statement"]]) {
      expect((await world.firstmile(["cosign", repository.dir, "main", ...flags], { env })).code).toBe(3);
      expect((await types(bob, ["cosign", repository.dir, "nothing", ...flags])).code).toBe(2);
    }
  });
});
