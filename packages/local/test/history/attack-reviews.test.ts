/** Getting a change past its reviewers, one attack a test; and honest people who must not be stopped by the defence. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { approve, type Mode, REVIEWED } from "./review-story.ts";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol, mallory] = (await Promise.all(
    ["alice", "bob", "carol", "mallory"].map((name) => world.person(name)),
  )) as [Person, Person, Person, Person];
});
afterAll(() => world[Symbol.asyncDispose]());

function policyOf(
  introduction: CommitId,
  mode: Mode,
  rules: readonly RuleSpec[],
  more: Partial<PolicySpec> = {},
): PolicySpec {
  return {
    people: [alice, bob, carol],
    emails: true,
    roles: { reviewer: [alice, bob, carol] },
    sources: { pkgs: { introduction, authenticate: mode, rules } },
    ...more,
  };
}

async function begin(mode: Mode = "every-commit", rule: RuleSpec = REVIEWED) {
  const repository = await world.repository("attack");
  const before = await repository.commit({ by: alice, files: { a: "0\n", lib: "old\n" } });
  const introduction = await repository.commit({ by: alice, files: { a: "1\n", lib: "fixed\n" } });
  const policy = policyOf(introduction, mode, [rule]);
  const judge = async (tip?: CommitId, cacheDir?: string) =>
    offences(
      await world.verify({ repository, policy, ...(tip ? { tip } : {}), ...(cacheDir ? { cacheDir } : {}) }),
    );
  return { repository, before, introduction, policy, judge };
}

test("not-reviewed: what two reviews that overlap leave out between them", async () => {
  const { repository, introduction, judge } = await begin();
  const one = await repository.commit({ by: alice, files: { a: "1\nevil\n" } });
  const two = await repository.commit({ by: alice, files: { a: "2\n" } });
  const three = await repository.commit({ by: alice, files: { a: "2\nevil\n" } });
  // The first shows no evil, and the second has it on both sides.
  await approve(repository, introduction, two, bob);
  await approve(repository, one, three, bob);
  const denied = await judge();
  expect(denied).toHaveLength(1);
  expect(denied[0]![1]).toBe("not-reviewed");
  await approve(repository, two, three, carol);
  expect(await judge()).toEqual([]);
});

describe.each<Mode>(["every-commit", "first-parent"])("%s: not-a-descendant", (mode) => {
  test("a merge whose first parent is older than the introduction rolls back what nobody reviews", async () => {
    const { repository, before, introduction, judge } = await begin(mode);
    const rollback = await repository.commit({ by: alice, parents: [before, introduction] });
    expect(await judge()).toEqual(expected([rollback, "not-a-descendant"]));
  });

  test("a merge of the introduction into a history of one's own", async () => {
    const { repository, introduction, judge } = await begin(mode);
    const own = await repository.commit({ by: alice, branch: "own", parents: [], files: { lib: "old\n" } });
    const merge = await repository.commit({ by: alice, parents: [own, introduction] });
    expect((await judge(merge)).filter(([, code]) => code === "not-a-descendant")).toEqual(
      expected([merge, "not-a-descendant"]),
    );
  });
});

test("a branch that began before the introduction, merged the right way round, is read like any other", async () => {
  const { repository, before, introduction, judge } = await begin();
  const side = await repository.commit({
    by: alice,
    branch: "side",
    parents: [before],
    files: { c: "new\n" },
  });
  const merge = await repository.merge({ by: alice, parents: [introduction, side] });
  expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
  await approve(repository, before, side, bob);
  expect(await judge()).toEqual([]);
});

test("not-reviewed: a foxtrot, whose author's commits are on the line", async () => {
  const { repository, introduction, judge } = await begin("every-commit", {
    ...REVIEWED,
    mergeIsReview: true,
  });
  const main = await repository.commit({ by: carol, files: { lib: "better\n" } });
  await approve(repository, introduction, main, bob);
  const side = await repository.commit({
    by: alice,
    branch: "side",
    parents: [introduction],
    files: { a: "evil\n" },
  });
  await repository.merge({ by: bob, parents: [side, main] });
  expect(await judge()).toEqual(expected([side, "not-reviewed"]));
});

test("not-reviewed: an octopus where one side's change of a path was read and the other's was not", async () => {
  const { repository, introduction, judge } = await begin();
  const at = (branch: string, files: Record<string, string>) =>
    repository.commit({ by: alice, branch, parents: [introduction], files });
  const [read, unread] = [await at("read", { a: "2\n" }), await at("unread", { lib: "evil\n" })];
  await approve(repository, introduction, read, bob);
  const merge = await repository.merge({ by: alice, parents: [introduction, read, unread] });
  expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
});

test("not-reviewed: a file in place of a directory, a link in place of a file, another commit of a submodule", async () => {
  const { repository, introduction, judge } = await begin();
  const directory = await repository.commit({ by: alice, files: { "d/x": "1\n", "d/y": "1\n" } });
  await approve(repository, introduction, directory, bob);
  expect(await judge()).toEqual([]);
  const file = await repository.commit({ by: alice, files: { "d/x": null, "d/y": null, d: "1\n" } });
  const link = await repository.commit({ by: alice, files: { a: { mode: 0o120000, content: "1\n" } } });
  const module = await repository.commit({ by: alice, files: { m: { mode: 0o160000, content: "x" } } });
  expect(await judge()).toEqual(
    expected([file, "not-reviewed"], [link, "not-reviewed"], [module, "not-reviewed"]),
  );
});

test("not-reviewed: by one who wrote a commit below two merges", async () => {
  const { repository, introduction, judge } = await begin();
  const deep = await repository.commit({
    by: bob,
    branch: "deep",
    parents: [introduction],
    files: { a: "2\n" },
  });
  const side = await repository.commit({
    by: alice,
    branch: "side",
    parents: [introduction],
    files: { c: "1\n" },
  });
  const inner = await repository.merge({ by: alice, branch: "side", parents: [side, deep] });
  const merge = await repository.merge({ by: alice, parents: [introduction, inner] });
  await approve(repository, introduction, inner, bob);
  expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
  await approve(repository, introduction, inner, carol);
  expect(await judge()).toEqual([]);
});

test("a stranger silences no reviewer by copying the reviewer's signatures beside a commit", async () => {
  const { repository, introduction, judge } = await begin();
  const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
  await approve(repository, introduction, commit, bob);
  await repository.cosign(commit, bob, introduction);
  expect(await judge()).toEqual([]);
});

test("not-reviewed: by a key that was stolen after its owner gave it up", async () => {
  const { repository, introduction, policy } = await begin();
  const first = await repository.commit({ by: alice, files: { a: "2\n" } });
  await approve(repository, introduction, first, bob);
  const second = await repository.commit({ by: alice, files: { a: "3\n" } });
  await approve(repository, first, second, bob);
  const life = new Map([[bob, `retired = { after = "${first}" }`]]);
  expect(offences(await world.verify({ repository, policy: { ...policy, life } }))).toEqual(
    expected([second, "not-reviewed"]),
  );
  const stolen = new Map([[bob, 'compromised = { reason = "stolen" }']]);
  expect(offences(await world.verify({ repository, policy: { ...policy, life: stolen } }))).toEqual(
    expected([first, "not-reviewed"], [second, "not-reviewed"]),
  );
});

test("not-reviewed: a review by a key that was given up does not reach back over what came later", async () => {
  const { repository, introduction, policy } = await begin();
  const first = await repository.commit({ by: alice, files: { a: "2\n" } });
  const second = await repository.commit({ by: alice, files: { a: "3\n" } });
  await approve(repository, introduction, second, bob);
  const life = new Map([[bob, `retired = { after = "${first}" }`]]);
  expect(offences(await world.verify({ repository, policy: { ...policy, life } }))).toEqual(
    expected([first, "not-reviewed"], [second, "not-reviewed"]),
  );
});

describe("goodlist", () => {
  test("of a merge takes over what it merges, and nothing of what comes later", async () => {
    const { repository, introduction, policy } = await begin();
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: { a: "2\n" },
    });
    const merge = await repository.merge({ by: alice, parents: [introduction, side] });
    const next = await repository.commit({ by: alice, files: { lib: "evil\n" } });
    const source = { introduction, rules: [REVIEWED], goodlist: [merge] };
    const good: PolicySpec = { ...policy, sources: { pkgs: source } };
    expect(offences(await world.verify({ repository, policy: good }))).toEqual(
      expected([next, "not-reviewed"]),
    );
  });

  test("of a commit vouches neither for its parents nor for what is merged", async () => {
    const { repository, introduction, policy } = await begin();
    const bad = await repository.commit({
      by: mallory,
      branch: "side",
      parents: [introduction],
      files: { a: "2\n" },
    });
    const merge = await repository.merge({ by: alice, parents: [introduction, bad] });
    const source = { introduction, rules: [REVIEWED], goodlist: [merge] };
    const good: PolicySpec = { ...policy, sources: { pkgs: source } };
    expect(offences(await world.verify({ repository, policy: good }))).toEqual(
      expected([bad, "unknown-key"]),
    );
  });
});
