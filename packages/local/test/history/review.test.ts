import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import { publish, reviewOf } from "@firstmile/testing/world-statements";
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

describe("one commit", () => {
  test("not-reviewed: by nobody", async () => {
    const { repository, policy, judge } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
    const { denied } = await world.verify({ repository, policy });
    expect(denied[0]!.paths).toEqual(["a"]);
    expect(denied[0]!.remedy).toContain("bob, or carol reads it");
  });

  test("passes when somebody else has read it", async () => {
    const { repository, introduction, judge } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, bob);
    expect(await judge()).toEqual([]);
  });

  test.each([
    ["its signer", async () => ({ by: alice, author: "someone", committer: "someone" }), () => alice],
    ["its author, signed by another", async () => ({ by: alice, author: "bob" }), () => bob],
    ["its committer", async () => ({ by: alice, author: "alice", committer: "bob" }), () => bob],
    [
      "a co-author",
      async () => ({ by: alice, message: "change\n\nCo-authored-by: Bob <BOB@example.org>\n" }),
      () => bob,
    ],
  ])("not-reviewed: by %s", async (_, how, reader) => {
    const { repository, introduction, judge } = await begin();
    const commit = await repository.commit({ ...(await how()), files: { a: "2\n" } });
    await approve(repository, introduction, commit, reader());
    expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
    await approve(repository, introduction, commit, carol);
    expect(await judge()).toEqual([]);
  });

  test("read by somebody who co-signed it, which it did not need", async () => {
    const { repository, introduction, judge } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await repository.cosign(commit, bob);
    await approve(repository, introduction, commit, bob);
    expect(await judge()).toEqual([]);
  });

  test("not-reviewed: by the author under a second key", async () => {
    const { repository, introduction, policy } = await begin();
    const second = await world.person("alice-tablet");
    const both = { ...policy, people: { alice: [alice, second], bob: [bob], carol: [carol] } };
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, second);
    expect(offences(await world.verify({ repository, policy: both }))).toEqual(
      expected([commit, "not-reviewed"]),
    );
  });

  test("not-reviewed: by a stranger, by a machine, by a glance", async () => {
    const { repository, introduction, judge } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, mallory);
    await publish(repository, await reviewOf(repository, introduction, commit, { machine: true }), bob);
    await publish(repository, await reviewOf(repository, introduction, commit, { depth: "skimmed" }), bob);
    await publish(repository, await reviewOf(repository, introduction, commit, { source: "other" }), bob);
    expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
  });

  test("not-reviewed: of other content, of another path, of half of it", async () => {
    const { repository, introduction, judge } = await begin();
    const other = await repository.commit({
      by: alice,
      branch: "other",
      parents: [introduction],
      files: { a: "3\n" },
    });
    await approve(repository, introduction, other, bob);
    const moved = await repository.commit({
      by: alice,
      branch: "moved",
      parents: [introduction],
      files: { b: "2\n" },
    });
    await approve(repository, introduction, moved, bob);
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
    const half = await repository.commit({ by: alice, files: { a: "3\n", c: "new\n" } });
    // What was read of the other branch, 1 to 3, is what both commits come to in that file, and c is still unread.
    expect(await judge()).toEqual(expected([half, "not-reviewed"]));
  });

  test("a change of mode alone is a change", async () => {
    const { repository, introduction, judge } = await begin();
    const plain = await repository.commit({
      by: alice,
      branch: "plain",
      parents: [introduction],
      files: { a: "2\n" },
    });
    await approve(repository, introduction, plain, bob);
    const executable = await repository.commit({
      by: alice,
      files: { a: { mode: 0o100755, content: "2\n" } },
    });
    expect(await judge()).toEqual(expected([executable, "not-reviewed"]));
  });

  test("two of three reviewers, and one is not enough", async () => {
    const rule: RuleSpec = { ...REVIEWED, review: { any: 2, of: [alice, bob, carol] } };
    const { repository, introduction, judge, policy } = await begin(rule);
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, bob, alice);
    expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
    expect((await world.verify({ repository, policy })).denied[0]!.message).toContain("only bob");
    await approve(repository, introduction, commit, carol);
    expect(await judge()).toEqual([]);
  });

  test("rules without a review ask for none", async () => {
    const { repository, judge } = await begin({ paths: ["/a"], write: "writer" });
    await repository.commit({ by: alice, files: { a: "2\n" } });
    expect(await judge()).toEqual([]);
  });
});

describe("review-rejected", () => {
  test("whoever approves besides", async () => {
    const { repository, introduction, judge } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, bob);
    await publish(repository, await reviewOf(repository, introduction, commit, { verdict: "reject" }), carol);
    expect(await judge()).toEqual(expected([commit, "review-rejected"]));
  });

  test("not by a stranger, and not once the content has changed", async () => {
    const { repository, introduction, judge } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, bob);
    await publish(
      repository,
      await reviewOf(repository, introduction, commit, { verdict: "reject" }),
      mallory,
    );
    expect(await judge()).toEqual([]);
    await publish(repository, await reviewOf(repository, introduction, commit, { verdict: "reject" }), carol);
    const better = await repository.commit({ by: alice, files: { a: "3\n" } });
    await approve(repository, commit, better, bob);
    expect(await judge()).toEqual([]);
  });

  test("by one of a group in which nobody is enough alone", async () => {
    const { repository, introduction, policy } = await begin();
    const rules = [{ ...REVIEWED, review: { any: 1, of: [bob, "pair"] } }];
    const nested: PolicySpec = {
      ...policy,
      roles: { pair: { any: 2, of: [carol, alice] } },
      sources: { pkgs: { introduction, rules } },
    };
    const judge = async () => offences(await world.verify({ repository, policy: nested }));
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, bob);
    expect(await judge()).toEqual([]);
    await publish(repository, await reviewOf(repository, introduction, commit, { verdict: "reject" }), carol);
    expect(await judge()).toEqual(expected([commit, "review-rejected"]));
  });

  test("also what this machine let through before the rejection came", async () => {
    const { repository, introduction, policy } = await begin();
    const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
    await approve(repository, introduction, commit, bob);
    const cacheDir = world.fresh("state");
    expect((await world.verify({ repository, policy, cacheDir })).allowed).toBe(true);
    expect((await world.verify({ repository, policy, cacheDir })).checked).toBe(0);
    await publish(repository, await reviewOf(repository, introduction, commit, { verdict: "reject" }), carol);
    const again = await world.verify({ repository, policy, cacheDir });
    expect(offences(again)).toEqual(expected([commit, "review-rejected"]));
  });
});

describe("what is reviewed survives", () => {
  /** Two commits on a branch, of which bob reads the whole. */
  async function branch() {
    const found = await begin();
    const { repository, introduction } = found;
    const first = await repository.commit({
      by: alice,
      branch: "work",
      parents: [introduction],
      files: { a: "2\n" },
    });
    const second = await repository.commit({ by: alice, branch: "work", files: { a: "3\n", c: "new\n" } });
    await approve(repository, introduction, second, bob);
    return { ...found, first, second };
  }

  test("a squash", async () => {
    const { repository, judge } = await branch();
    await repository.commit({ by: alice, files: { a: "3\n", c: "new\n" } });
    expect(await judge()).toEqual([]);
  });

  test("a rebase, though no commit was read alone", async () => {
    const { repository, judge } = await branch();
    await repository.commit({ by: alice, files: { a: "2\n" } });
    await repository.commit({ by: alice, files: { a: "3\n", c: "new\n" } });
    expect(await judge()).toEqual([]);
  });

  test("but not half of a rebase: the tip must be what was read", async () => {
    const { repository, judge } = await branch();
    const half = await repository.commit({ by: alice, files: { a: "2\n" } });
    expect(await judge()).toEqual(expected([half, "not-reviewed"]));
  });

  test("nor is half of it remembered from when the whole passed", async () => {
    const { repository, policy } = await branch();
    const half = await repository.commit({ by: alice, files: { a: "2\n" } });
    await repository.commit({ by: alice, files: { a: "3\n", c: "new\n" } });
    const cacheDir = world.fresh("state");
    expect((await world.verify({ repository, policy, cacheDir })).allowed).toBe(true);
    const old = await world.verify({ repository, policy, cacheDir, tip: half });
    expect(offences(old)).toEqual(expected([half, "not-reviewed"]));
    const off = await repository.commit({ by: alice, branch: "off", parents: [half], files: { d: "1\n" } });
    const beside = await world.verify({ repository, policy, cacheDir, tip: off });
    expect(offences(beside)).toEqual(expected([half, "not-reviewed"], [off, "not-reviewed"]));
  });

  test("nor does a rebase with somebody's own commit between pass as read by that person", async () => {
    const { repository, judge } = await branch();
    const one = await repository.commit({ by: bob, files: { a: "2\n" } });
    const two = await repository.commit({ by: alice, files: { a: "3\n", c: "new\n" } });
    expect(await judge()).toEqual(expected([one, "not-reviewed"], [two, "not-reviewed"]));
  });

  test("a merge that is clean, where bob read what the branch did", async () => {
    const { repository, second, judge, introduction } = await branch();
    const main = await repository.commit({ by: carol, files: { b: "2\n" } });
    await approve(repository, introduction, main, bob);
    await repository.merge({ by: alice, parents: [main, second] });
    expect(await judge()).toEqual([]);
  });

  test("a merge by the very person who read it", async () => {
    const { repository, second, judge, introduction } = await branch();
    await repository.merge({ by: bob, parents: [introduction, second] });
    expect(await judge()).toEqual([]);
  });
});
