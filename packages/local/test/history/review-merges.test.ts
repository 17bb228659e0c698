import { expected, makeWorld, offences, type Person, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { approve, type Mode, REVIEWED, reviewStory } from "./review-story.ts";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("carol"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

const begin = (rule?: RuleSpec, mode?: Mode) => reviewStory(world, [alice, bob, carol], rule, mode);

describe("merges", () => {
  const MERGING: RuleSpec = { ...REVIEWED, mergeIsReview: true };

  async function side(rule: RuleSpec, ...authors: Person[]) {
    const found = await begin(rule);
    const { repository, introduction } = found;
    let tip = introduction;
    for (const [i, by] of authors.entries()) {
      const parents = i === 0 ? { parents: [introduction] } : {};
      tip = await repository.commit({ by, branch: "side", ...parents, files: { a: `${i + 2}\n` } });
    }
    return { ...found, tip };
  }

  test("a reviewer's signed merge is a review where the rule says so", async () => {
    const { repository, introduction, tip, judge } = await side(MERGING, alice);
    await repository.merge({ by: bob, parents: [introduction, tip] });
    expect(await judge()).toEqual([]);
  });

  test("not-reviewed: and is none where it does not", async () => {
    const { repository, introduction, tip, judge } = await side(REVIEWED, alice);
    const merge = await repository.merge({ by: bob, parents: [introduction, tip] });
    expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
  });

  test("not-reviewed: nor is co-signing somebody else's merge", async () => {
    const { repository, introduction, tip, judge } = await side(MERGING, alice);
    const merge = await repository.merge({ by: alice, parents: [introduction, tip] });
    await repository.cosign(merge, bob);
    expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
  });

  test("not-reviewed: by a merger who wrote any commit of the range", async () => {
    const { repository, introduction, tip, judge } = await side(MERGING, alice, bob, alice);
    const merge = await repository.merge({ by: bob, parents: [introduction, tip] });
    expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
  });

  test("not-reviewed: the merger's own change, which somebody else reads", async () => {
    const { repository, introduction, tip, judge } = await side(MERGING, alice);
    const merge = await repository.merge({
      by: bob,
      parents: [introduction, tip],
      files: { d: "smuggled\n" },
    });
    expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
    await approve(repository, introduction, merge, bob);
    expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
    await approve(repository, introduction, merge, carol);
    expect(await judge()).toEqual([]);
  });

  test("not-reviewed: a conflict resolved by hand is the merger's own", async () => {
    const { repository, introduction, tip, judge } = await side(MERGING, alice);
    const main = await repository.commit({ by: alice, files: { a: "other\n" } });
    await approve(repository, introduction, main, carol);
    const merge = await repository.merge({ by: bob, parents: [main, tip], files: { a: "both\n" } });
    expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
  });

  test("an octopus, each side of which was read by the same person", async () => {
    const { repository, introduction, tip, judge } = await side(REVIEWED, alice);
    const third = await repository.commit({
      by: carol,
      branch: "third",
      parents: [introduction],
      files: { c: "1\n" },
    });
    await approve(repository, introduction, tip, bob);
    await approve(repository, introduction, third, bob);
    await repository.merge({ by: alice, parents: [introduction, tip, third] });
    expect(await judge()).toEqual([]);
  });

  test.each(["first-parent", "tip"] as const)(
    "%s: everybody who had a part anywhere below is counted out",
    async (mode) => {
      const { repository, introduction, judge } = await begin(REVIEWED, mode);
      const inner = await repository.commit({
        by: bob,
        branch: "side",
        parents: [introduction],
        files: { a: "2\n" },
      });
      const merge = await repository.merge({ by: alice, parents: [introduction, inner] });
      await approve(repository, introduction, merge, bob);
      expect(await judge()).toEqual(expected([merge, "not-reviewed"]));
      await approve(repository, introduction, merge, carol);
      expect(await judge()).toEqual([]);
    },
  );
});

describe("by path", () => {
  test("only where the rule of the path asks", async () => {
    const { repository, introduction, policy } = await begin();
    const rules: RuleSpec[] = [
      { paths: ["**"], write: "writer" },
      { paths: ["/lib/"], write: "writer", review: "reviewer" },
    ];
    const some = { ...policy, sources: { pkgs: { introduction, rules } } };
    await repository.commit({ by: alice, files: { a: "2\n" } });
    expect(offences(await world.verify({ repository, policy: some }))).toEqual([]);
    const commit = await repository.commit({ by: alice, files: { a: "3\n", "lib/x": "1\n" } });
    const verdict = await world.verify({ repository, policy: some });
    expect(offences(verdict)).toEqual(expected([commit, "not-reviewed"]));
    expect(verdict.denied[0]!.paths).toEqual(["lib/x"]);
  });
});

test("a later run builds on an earlier one, and on the same reviews", async () => {
  const { repository, introduction, policy } = await begin();
  const cacheDir = world.fresh("state");
  const first = await repository.commit({ by: alice, files: { a: "2\n" } });
  await approve(repository, introduction, first, bob);
  expect(await world.verify({ repository, policy, cacheDir })).toMatchObject({ allowed: true, checked: 1 });
  const second = await repository.commit({ by: alice, files: { a: "3\n" } });
  expect(offences(await world.verify({ repository, policy, cacheDir }))).toEqual(
    expected([second, "not-reviewed"]),
  );
  await approve(repository, first, second, carol);
  expect(await world.verify({ repository, policy, cacheDir })).toMatchObject({ allowed: true, checked: 1 });
});

test("goodlist: root takes a commit over in spite of all, and it is told", async () => {
  const { repository, introduction, policy } = await begin();
  const commit = await repository.commit({ by: mallory, files: { a: "2\n" } });
  const source = { introduction, rules: [REVIEWED], goodlist: [commit] };
  const good = { ...policy, sources: { pkgs: source } };
  expect(offences(await world.verify({ repository, policy }))).toEqual(
    expected([commit, "unknown-key"], [commit, "not-reviewed"]),
  );
  expect(await world.verify({ repository, policy: good })).toMatchObject({
    allowed: true,
    goodlisted: [commit],
  });
  const next = await repository.commit({ by: mallory, files: { b: "2\n" } });
  expect(offences(await world.verify({ repository, policy: good }))).toContainEqual([next, "unknown-key"]);
});
