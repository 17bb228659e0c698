/** Attacks on the shape of a history: where it begins, what is missing, what the database and its indexes claim. */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import { gitEnv, WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, mallory] = await Promise.all([world.person("alice"), world.person("mallory")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const MODES = ["every-commit", "first-parent", "tip"] as const;

function rules(introduction: CommitId, authenticate: (typeof MODES)[number] = "every-commit"): PolicySpec {
  return { people: [alice], sources: { pkgs: { introduction, authenticate } } };
}

async function line(length = 4): Promise<{ repository: WorldRepository; commits: CommitId[] }> {
  const repository = await world.repository("shape");
  const commits: CommitId[] = [];
  for (let i = 0; i < length; i++)
    commits.push(await repository.commit({ by: alice, files: { "a.nix": `${i}\n` } }));
  return { repository, commits };
}

describe.each(MODES)("%s", (mode) => {
  test("not-a-descendant: a signed branch that forks from before the introduction", async () => {
    const { repository, commits } = await line();
    const branch = await repository.commit({ by: alice, branch: "side", parents: [commits[0]!] });
    const verdict = await world.verify({ repository, tip: branch, policy: rules(commits[1]!, mode) });
    expect(offences(verdict)).toEqual(expected([branch, "not-a-descendant"]));
  });

  test("not-a-descendant: a signed root of its own", async () => {
    const { repository, commits } = await line();
    const root = await repository.commit({ by: alice, branch: "other", parents: [] });
    const verdict = await world.verify({ repository, tip: root, policy: rules(commits[1]!, mode) });
    expect(offences(verdict)).toEqual(expected([root, "not-a-descendant"]));
  });

  test("not-a-descendant: an ancestor of the introduction", async () => {
    const { repository, commits } = await line();
    const verdict = await world.verify({ repository, tip: commits[0]!, policy: rules(commits[1]!, mode) });
    expect(offences(verdict)).toEqual(expected([commits[0]!, "not-a-descendant"]));
  });

  test("introduction-not-vouched: signed by somebody outside the role", async () => {
    const { repository } = await line(1);
    const introduction = await repository.commit({ by: mallory });
    await repository.commit({ by: alice });
    const verdict = await world.verify({ repository, policy: rules(introduction, mode) });
    expect(offences(verdict)).toEqual(expected([introduction, "introduction-not-vouched"]));
  });

  test("introduction-not-vouched: asked for the introduction itself", async () => {
    const { repository } = await line(1);
    const introduction = await repository.commit({});
    const verdict = await world.verify({ repository, policy: rules(introduction, mode) });
    expect(offences(verdict)).toEqual(expected([introduction, "introduction-not-vouched"]));
  });

  test("the introduction itself, vouched for, is allowed", async () => {
    const { repository, commits } = await line(2);
    const verdict = await world.verify({ repository, policy: rules(commits[1]!, mode) });
    expect(verdict).toMatchObject({ allowed: true, denied: [] });
  });

  test("missing-object: a shallow clone without the introduction's descendants", async () => {
    const { repository, commits } = await line(5);
    const dir = world.fresh("shallow");
    execFileSync("git", ["clone", "-q", "--bare", "--depth=2", `file://${repository.dir}`, dir], {
      env: gitEnv(),
    });
    const policy = rules(commits[0]!, mode);
    const verdict = await world.verify({ repository: at(dir, repository), tip: commits[4]!, policy });
    expect(verdict.allowed).toBe(false);
    expect(verdict.denied).toContainEqual(
      expect.objectContaining({ commit: commits[2]!, code: "missing-object" }),
    );
  });
});

/** The same repository in another directory. */
function at(dir: string, repository: WorldRepository): WorldRepository {
  return Object.assign(Object.create(WorldRepository.prototype), repository, { dir });
}

test("missing-object: a commit taken out of the database", async () => {
  const { repository, commits } = await line(5);
  rmSync(repository.objectFile(commits[2]!));
  const verdict = await world.verify({ repository, policy: rules(commits[0]!) });
  expect(offences(verdict)).toEqual(expected([commits[2]!, "missing-object"]));
});

test("corrupt-object: a commit whose bytes are another signed commit's", async () => {
  const { repository, commits } = await line(4);
  repository.plant(commits[2]!, "commit", await repository.content(commits[1]!));
  const verdict = await world.verify({ repository, policy: rules(commits[0]!) });
  expect(offences(verdict)).toEqual(expected([commits[2]!, "corrupt-object"]));
});

test("corrupt-object: the introduction", async () => {
  const { repository, commits } = await line(3);
  repository.plant(commits[0]!, "commit", await repository.content(commits[1]!));
  const verdict = await world.verify({ repository, policy: rules(commits[0]!) });
  expect(offences(verdict)).toContainEqual([commits[0]!, "corrupt-object"]);
  expect(verdict.allowed).toBe(false);
});

test("a tree whose bytes are another's is denied under every rule", async () => {
  const { repository, commits } = await line(2);
  const bob = await world.person("bob");
  const tip = await repository.commit({ by: bob, files: { "evil.nix": "1" } });
  const [tree, clean] = await Promise.all(
    [tip, commits[1]!].map((id) => repository.git("rev-parse", `${id}^{tree}`)),
  );
  const content = execFileSync("git", ["-C", repository.dir, "cat-file", "tree", clean!], { env: gitEnv() });
  repository.plant(tree as CommitId, "tree", content);
  const policy: PolicySpec = {
    people: [alice, bob],
    roles: { writer: [alice], packager: [alice, bob] },
    sources: {
      pkgs: {
        introduction: commits[0]!,
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: ["/a.nix"], write: "packager" },
        ],
      },
    },
  };
  expect(offences(await world.verify({ repository, policy }))).toEqual(expected([tip, "corrupt-object"]));
});

test("a blob whose bytes are another's does not decide what a merge comes to", async () => {
  const bob = await world.person("bob");
  const repository = await world.repository("planted");
  const text = (a: string, b: string) => [a, "2", "3", "4", "5", "6", b, ""].join("\n");
  const introduction = await repository.commit({
    by: alice,
    files: { "a.nix": text("1", "7"), "b.nix": "b" },
  });
  const ours = await repository.commit({ by: alice, files: { "a.nix": text("ours", "7") } });
  const theirs = await repository.commit({
    by: alice,
    branch: "side",
    parents: [introduction],
    files: { "a.nix": text("1", "fix") },
  });
  const evil = text("ours", "evil");
  const merge = await repository.merge({ by: bob, parents: [ours, theirs], files: { "a.nix": evil } });
  repository.plant(repository.blob(theirs, "a.nix"), "blob", Buffer.from(text("1", "evil")));
  const policy: PolicySpec = {
    people: [alice, bob],
    roles: { writer: [alice], packager: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: ["/b.nix"], write: "packager" },
        ],
      },
    },
  };
  expect(offences(await world.verify({ repository, policy }))).toEqual(expected([merge, "corrupt-object"]));
});

describe("a repository that lies", () => {
  /** The odd commit is mallory's; the repository says it is not. */
  async function infiltrated() {
    const { repository, commits } = await line(2);
    const odd = await repository.commit({ by: mallory, files: { "a.nix": "evil\n" } });
    const tip = await repository.commit({ by: alice, files: { "b.nix": "1\n" } });
    const judge = async () => offences(await world.verify({ repository, tip, policy: rules(commits[0]!) }));
    return { repository, commits, odd, tip, judge };
  }

  test("replace refs", async () => {
    const { repository, commits, odd, judge } = await infiltrated();
    const instead = await repository.commit({ by: alice, branch: "clean", parents: [commits[1]!] });
    repository.ref(`refs/replace/${odd}`, instead);
    expect(await repository.git("log", "-1", "--format=%an", odd)).toBe("alice");
    expect(await judge()).toEqual(expected([odd, "unknown-key"]));
  });

  test("grafts", async () => {
    const { repository, commits, odd, tip, judge } = await infiltrated();
    mkdirSync(join(repository.dir, "info"), { recursive: true });
    writeFileSync(join(repository.dir, "info/grafts"), `${tip} ${commits[1]}\n`);
    expect(await judge()).toEqual(expected([odd, "unknown-key"]));
  });

  test("a shallow file that cuts the odd commit off", async () => {
    const { repository, odd, tip, judge } = await infiltrated();
    writeFileSync(join(repository.dir, "shallow"), `${tip}\n`);
    expect(await judge()).toEqual(expected([odd, "unknown-key"]));
  });

  test("a commit-graph that leaves the odd commit out", async () => {
    const { repository, commits, odd, tip, judge } = await infiltrated();
    const other = await world.repository("graph");
    writeFileSync(join(repository.dir, "info-grafts"), `${tip} ${commits[1]}\n`);
    await repository.git("commit-graph", "write", "--reachable");
    expect(other.dir).not.toBe(repository.dir);
    const graph = join(repository.dir, "objects/info/commit-graph");
    expect(existsSync(graph)).toBe(true);
    const { readFileSync, chmodSync } = await import("node:fs");
    const bytes = readFileSync(graph);
    // Swap the odd commit's id for one that sorts beside it: whoever believes the graph finds another parent.
    const at = bytes.indexOf(Buffer.from(odd, "hex"));
    expect(at).toBeGreaterThan(0);
    bytes[at + 19]! ^= 1;
    chmodSync(graph, 0o644);
    writeFileSync(graph, bytes);
    expect(await judge()).toEqual(expected([odd, "unknown-key"]));
  });

  test("configuration that names programs runs none of them", async () => {
    const { repository, odd, judge } = await infiltrated();
    const ran = world.fresh("ran");
    const program = world.fresh("program");
    writeFileSync(program, `#!/bin/sh\ntouch ${ran}\nexit 1\n`, { mode: 0o755 });
    writeFileSync(join(repository.dir, "more"), `[core]\n\tsshCommand = ${program}\n\tpager = ${program}\n`);
    mkdirSync(join(repository.dir, "hooks"), { recursive: true });
    writeFileSync(join(repository.dir, "hooks/reference-transaction"), `#!/bin/sh\ntouch ${ran}\n`, {
      mode: 0o755,
    });
    appendFileSync(
      join(repository.dir, "config"),
      `[include]\n\tpath = more\n[core]\n\tfsmonitor = ${program}\n[gpg]\n\tprogram = ${program}\n[merge "x"]\n\tdriver = ${program}\n[alias]\n\trev-parse = !${program}\n`,
    );
    expect(await judge()).toEqual(expected([odd, "unknown-key"]));
    expect(existsSync(ran)).toBe(false);
  });

  test("a partial clone's missing object is not fetched with the program that its configuration names", async () => {
    const { repository, commits, tip } = await infiltrated();
    const ran = world.fresh("ran");
    const program = world.fresh("program");
    writeFileSync(program, `#!/bin/sh\ntouch ${ran}\nexit 1\n`, { mode: 0o755 });
    const config = `[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\tpromisor = true\n\turl = ${repository.dir}\n\tuploadpack = ${program}\n`;
    writeFileSync(join(repository.dir, "config"), config);
    rmSync(repository.objectFile(tip));
    const dir = await world.policyDirectory(rules(commits[0]!));
    const result = await world.firstmile([
      "verify",
      repository.dir,
      "main",
      "--policy",
      dir,
      "--source",
      "pkgs",
    ]);
    expect(existsSync(ran)).toBe(false);
    expect(result.code).toBe(2);
  });

  test("objects borrowed from another database are hashed like its own", async () => {
    const { repository, commits, odd, judge } = await infiltrated();
    const lender = await world.repository("lender");
    lender.plant(odd, "commit", await repository.content(commits[1]!));
    rmSync(repository.objectFile(odd));
    mkdirSync(join(repository.dir, "objects/info"), { recursive: true });
    writeFileSync(join(repository.dir, "objects/info/alternates"), `${lender.dir}/objects\n`);
    expect(await judge()).toEqual(expected([odd, "corrupt-object"]));
  });
});

test("a commit without the headers that Git writes is refused, not read around", async () => {
  const { repository, commits } = await line(2);
  const content = (await repository.content(commits[1]!)).toString("latin1");
  const tip = repository.raw(content.replace(/^committer.*\n/m, ""));
  const verdict = await world.verify({ repository, policy: rules(commits[0]!) });
  expect(offences(verdict)).toEqual(expected([tip, "corrupt-object"]));
});

test("corrupt-object: a commit of 100 MB, in bounded time", async () => {
  const { repository, commits } = await line(1);
  const message = Buffer.alloc(100 << 20, "all work and no play makes a long message\n");
  const long = await repository.commit({ by: alice, message });
  const begin = performance.now();
  const verdict = await world.verify({ repository, tip: long, policy: rules(commits[0]!) });
  expect(offences(verdict)).toEqual(expected([long, "corrupt-object"]));
  expect(performance.now() - begin).toBeLessThan(15_000);
}, 60_000);
