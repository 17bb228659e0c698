/**
 * Merges in which Git itself carries a content from one path to another: renames that are some, that never were, that
 * are hidden again; in two parents, in octopuses, in criss-crosses. Bob may write below docs/ and nowhere else.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expected, makeWorld, offences, type Person, type World } from "@firstmile/testing/world";
import type { Changes, WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const TEXT = Array.from({ length: 12 }, (_, i) => `line ${i}\n`).join("");
const EVIL = TEXT.replace("line 5", "evil");

async function judge(repository: WorldRepository, introduction: CommitId) {
  const policy = {
    people: [alice, bob],
    roles: { owner: [alice], writer: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "owner" },
          { paths: ["/docs/"], write: "writer" },
        ],
      },
    },
  };
  const cold = offences(await world.verify({ repository, policy }));
  const cacheDir = world.fresh("state");
  await world.verify({ repository, policy, cacheDir, tip: introduction });
  expect(offences(await world.verify({ repository, policy, cacheDir }))).toEqual(cold);
  return cold;
}

/** Alice's target, and a line that had a file of bob's for a while, which is on a branch of his as he wants it. */
async function bait(text = TEXT, evil: Changes[string] = EVIL) {
  const repository = await world.repository("bait");
  const introduction = await repository.commit({ by: alice, files: { "x.nix": text, "docs/a": "a\n" } });
  const start = await repository.commit({
    by: bob,
    branch: "bait",
    parents: [],
    files: { "docs/q": text },
  });
  const line = await repository.merge({
    by: bob,
    parents: [introduction, start],
    files: { "docs/q": null },
  });
  const side = await repository.commit({
    by: bob,
    branch: "bait",
    parents: [start],
    files: { "docs/q": evil },
  });
  return { repository, introduction, line, side };
}

async function smuggled(told: { repository: WorldRepository; introduction: CommitId }, merge: CommitId) {
  expect(await judge(told.repository, told.introduction)).toEqual(expected([merge, "merge-smuggles"]));
}

describe("merge-smuggles: a file of bob's that looks as if it had been renamed to alice's", () => {
  test.each<[string, Changes]>([
    ["as Git leaves it", {}],
    ["put back as it was", { "docs/q": TEXT }],
    ["put back as another", { "docs/q": "other\n" }],
    ["put back as what it carries", { "docs/q": EVIL }],
    ["with more of his own", { "docs/a": "b\n", "docs/q": "other\n" }],
  ])("%s", async (_, files) => {
    const told = await bait();
    const { repository, line, side } = told;
    const merge = await repository.merge({
      by: bob,
      parents: [line, side],
      files: { "x.nix": EVIL, ...files },
    });
    await smuggled(told, merge);
  });

  test("with the parents the other way round", async () => {
    const told = await bait();
    const { repository, line, side } = told;
    const merge = await repository.merge({
      by: bob,
      parents: [side, line],
      files: { "x.nix": EVIL, "docs/q": "o\n" },
    });
    await smuggled(told, merge);
  });

  test("only its mode", async () => {
    const told = await bait(TEXT, { mode: 0o100755, content: TEXT });
    const { repository, line, side } = told;
    const files = { "x.nix": { mode: 0o100755, content: TEXT }, "docs/q": "other\n" };
    await smuggled(told, await repository.merge({ by: bob, parents: [line, side], files }));
  });

  test("from an old commit of the line's own, without a root", async () => {
    const repository = await world.repository("old");
    const introduction = await repository.commit({ by: alice, files: { "docs/a": "a\n" } });
    const start = await repository.commit({ by: bob, files: { "docs/q": TEXT } });
    await repository.commit({ by: alice, files: { "x.nix": TEXT } });
    const line = await repository.commit({ by: bob, files: { "docs/q": null } });
    const side = await repository.commit({
      by: bob,
      branch: "side",
      parents: [start],
      files: { "docs/q": EVIL },
    });
    const merge = await repository.merge({
      by: bob,
      parents: [line, side],
      files: { "x.nix": EVIL, "docs/q": "o\n" },
    });
    await smuggled({ repository, introduction }, merge);
  });

  test("in an octopus where one parent is the ancestor of another", async () => {
    const told = await bait();
    const { repository, introduction, line, side } = told;
    const files = { "x.nix": EVIL, "docs/q": "other\n" };
    const merge = await repository.merge({ by: bob, parents: [line, introduction, side], files });
    await smuggled(told, merge);
  });

  test("in an octopus where one parent is there twice", async () => {
    const told = await bait();
    const { repository, line, side } = told;
    const files = { "x.nix": EVIL, "docs/q": "other\n" };
    const merge = await repository.merge({ by: bob, parents: [line, line, side], files });
    await smuggled(told, merge);
  });

  test("in an octopus with branches that have the file as it is", async () => {
    const told = await bait();
    const { repository, introduction, line, side } = told;
    const also: CommitId[] = [];
    for (const name of ["b", "c"]) {
      const files = { [`docs/${name}`]: `${name}\n` };
      also.push(await repository.commit({ by: bob, branch: name, parents: [introduction], files }));
    }
    const files = { "x.nix": EVIL, "docs/b": "b\n", "docs/c": "c\n" };
    const merge = await repository.merge({ by: bob, parents: [line, also[0]!, also[1]!, side], files });
    await smuggled(told, merge);
  });

  test("between branches that merged each other", async () => {
    const repository = await world.repository("criss-cross");
    const introduction = await repository.commit({ by: alice, files: { "docs/q": TEXT } });
    const one = await repository.commit({ by: bob, files: { "docs/1": "1\n" } });
    const two = await repository.commit({
      by: bob,
      branch: "r",
      parents: [introduction],
      files: { "docs/2": "2\n" },
    });
    await repository.merge({ by: bob, parents: [one, two] });
    await repository.merge({ by: bob, branch: "r", parents: [two, one] });
    await repository.commit({ by: alice, files: { "x.nix": TEXT } });
    const left = await repository.commit({ by: bob, files: { "docs/q": null } });
    const right = await repository.commit({ by: bob, branch: "r", files: { "docs/q": EVIL } });
    const plain = await repository.merge({ by: bob, branch: "plain", parents: [left, right] });
    expect(await repository.git("show", `${plain}:x.nix`)).toContain("evil");
    const merge = await repository.merge({ by: bob, parents: [left, right], files: { "docs/q": "o\n" } });
    await smuggled({ repository, introduction }, merge);
  });
});

describe("merge-smuggles: what a rename takes away", () => {
  test("alice's file, which goes where a directory of bob's went", async () => {
    const repository = await world.repository("directory");
    const old = { "docs/d/1": TEXT, "docs/d/2": `${TEXT}2\n`, "x.nix": "x\n" };
    const introduction = await repository.commit({ by: alice, files: old });
    const away = { "docs/d/1": null, "docs/d/2": null, "docs/e/1": TEXT, "docs/e/2": `${TEXT}2\n` };
    const line = await repository.commit({ by: bob, files: away });
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: { "docs/d/3": "three\n", "x.nix": "2\n" },
    });
    const merge = await repository.merge({ by: bob, parents: [line, side] });
    // All of it is below docs/, so that bob may; what he may not is drop alice's other change beside it.
    expect(await judge(repository, introduction)).toEqual([]);
    const dropped = await repository.merge({ by: bob, parents: [line, side], files: { "x.nix": "x\n" } });
    expect(await repository.git("show", `${merge}:x.nix`)).toBe("2");
    await smuggled({ repository, introduction }, dropped);
  });

  test("alice's fix of a file that the line renamed into docs/", async () => {
    const repository = await world.repository("away");
    const introduction = await repository.commit({ by: alice, files: { "x.nix": TEXT } });
    const line = await repository.commit({ by: alice, files: { "x.nix": null, "docs/x": TEXT } });
    const fixed = { "x.nix": EVIL.replace("evil", "fixed") };
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: fixed,
    });
    const merge = await repository.merge({ by: bob, parents: [line, side] });
    await smuggled({ repository, introduction }, merge);
  });

  test("the one of two versions that the line has: both sides seem to have renamed bob's file", async () => {
    const repository = await world.repository("both");
    const fix = TEXT.replace("line 9", "fixed");
    const introduction = await repository.commit({ by: alice, files: { "docs/a": "a\n" } });
    const start = await repository.commit({ by: bob, files: { "docs/q": fix } });
    await repository.commit({ by: alice, files: { "x.nix": fix } });
    const line = await repository.commit({ by: bob, files: { "docs/q": null } });
    await repository.commit({ by: alice, branch: "old", parents: [start], files: { "x.nix": TEXT } });
    const old = await repository.commit({ by: bob, branch: "old", files: { "docs/q": null } });
    const merge = await repository.merge({ by: bob, parents: [line, old], files: { "x.nix": TEXT } });
    await smuggled({ repository, introduction }, merge);
  });
});

describe("what merges honestly passes", () => {
  test("in a criss-cross: lines of both, a file that was new on one side and then changed", async () => {
    const repository = await world.repository("honest");
    const introduction = await repository.commit({ by: alice, files: { "x.nix": TEXT } });
    const a = await repository.commit({
      by: alice,
      files: { "x.nix": TEXT.replace("line 0", "A"), "new.nix": TEXT },
    });
    const b = await repository.commit({
      by: alice,
      branch: "b",
      parents: [introduction],
      files: { "x.nix": TEXT.replace("line 11", "B") },
    });
    const both = TEXT.replace("line 0", "A").replace("line 11", "B");
    const left = await repository.merge({ by: bob, parents: [a, b] });
    const right = await repository.merge({ by: bob, branch: "b", parents: [b, a] });
    const l = await repository.commit({
      by: alice,
      parents: [left],
      files: { "x.nix": both.replace("line 4", "L") },
    });
    const r = await repository.commit({
      by: alice,
      branch: "b",
      parents: [right],
      files: { "new.nix": EVIL, "x.nix": both.replace("line 8", "R") },
    });
    const merge = await repository.merge({ by: bob, parents: [l, r] });
    expect(await repository.git("show", `${merge}:new.nix`)).toBe(EVIL.trim());
    expect(await repository.git("show", `${merge}:x.nix`)).toMatch(/^A\n.*\nL\n.*\nR\n.*\nB$/s);
    expect(await judge(repository, introduction)).toEqual([]);
  });

  test("in an octopus: other lines of one file on each side, a mode, a removal, a parent that another reaches", async () => {
    const repository = await world.repository("octopus");
    const files = { "x.nix": TEXT, "y.nix": "y\n", gone: "g\n" };
    const introduction = await repository.commit({ by: alice, files });
    const side = (branch: string, changes: Changes) =>
      repository.commit({ by: alice, branch, parents: [introduction], files: changes });
    const one = await side("one", { "x.nix": TEXT.replace("line 0", "1"), gone: null });
    const two = await side("two", { "x.nix": TEXT.replace("line 5", "2") });
    const three = await side("three", { "x.nix": { mode: 0o100755, content: TEXT.replace("line 10", "3") } });
    const x = TEXT.replace("line 0", "1").replace("line 5", "2").replace("line 10", "3");
    await repository.merge({
      by: bob,
      parents: [introduction, one, two, three],
      files: { "x.nix": { mode: 0o100755, content: x }, gone: null },
    });
    expect(await judge(repository, introduction)).toEqual([]);
  });
});
