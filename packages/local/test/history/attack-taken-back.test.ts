/** What one person alone does to content that others have read: takes it back, exchanges it, merges it away. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expected, makeWorld, offences, type Person, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import type { Changes } from "@firstmile/testing/world-repository";
import { publish, reviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { approve, type Mode, REVIEWED } from "./review-story.ts";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol] = await Promise.all([
    world.person("alice"),
    world.person("bob"),
    world.person("carol"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

const TEXT = Array.from({ length: 12 }, (_, i) => `line ${i}\n`).join("");

interface Terms {
  readonly rules?: readonly RuleSpec[];
  readonly mode?: Mode;
  readonly any?: number;
  readonly files?: Changes;
}

async function begin({
  rules = [REVIEWED],
  mode = "every-commit",
  any = 1,
  files = { a: "vuln\n", b: "1\n" },
}: Terms = {}) {
  const repository = await world.repository("back");
  const introduction = await repository.commit({ by: alice, files });
  const people = [alice, bob, carol];
  const policy = {
    people,
    emails: true,
    roles: { reviewer: { any, of: people } },
    sources: { pkgs: { introduction, authenticate: mode, rules } },
  };
  const cacheDir = world.fresh("state");
  /** Cold, and on top of whatever was asked before: the same answer. */
  const verdict = async (tip: CommitId) => {
    const cold = await world.verify({ repository, policy, tip });
    const warm = await world.verify({ repository, policy, tip, cacheDir });
    expect(offences(warm)).toEqual(offences(cold));
    expect(warm.takenBack).toEqual(cold.takenBack);
    return cold;
  };
  const judge = async (tip: CommitId) => offences(await verdict(tip));
  return { repository, introduction, verdict, judge };
}

const FREE: RuleSpec = { ...REVIEWED, more: 'reverts = "free"' };

describe.each<Mode>(["every-commit", "first-parent"])("%s: not-reviewed: taken back by one alone", (mode) => {
  test("a fix", async () => {
    const { repository, introduction, judge, verdict } = await begin({ mode });
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    await approve(repository, introduction, fix, bob);
    expect(await judge(fix)).toEqual([]);
    const back = await repository.commit({ by: alice, files: { a: "vuln\n" } });
    expect(await judge(back)).toEqual(expected([back, "not-reviewed"]));
    const [{ message, remedy } = {}] = (await verdict(back)).denied;
    expect(message).toContain("It gives a an earlier version again");
    expect(remedy).toContain(`reads it: firstmile review REPO ${back.slice(0, 12)}`);
    await approve(repository, fix, back, bob);
    expect(await judge(back)).toEqual([]);
  });

  test("a fix of what came in by a review itself", async () => {
    const { repository, introduction, judge } = await begin({ mode });
    const vuln = await repository.commit({ by: alice, files: { a: "new and vuln\n" } });
    await approve(repository, introduction, vuln, bob);
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    await approve(repository, vuln, fix, bob);
    expect(await judge(fix)).toEqual([]);
    const back = await repository.commit({ by: alice, files: { a: "new and vuln\n" } });
    expect(await judge(back)).toEqual(expected([back, "not-reviewed"]));
  });

  test("a fix, dropped in a merge", async () => {
    const { repository, introduction, judge } = await begin({ mode });
    const side = await repository.commit({
      by: alice,
      branch: "s",
      parents: [introduction],
      files: { c: "1\n" },
    });
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" }, parents: [introduction] });
    await approve(repository, introduction, fix, bob);
    await approve(repository, introduction, side, bob);
    const merge = await repository.merge({ by: alice, parents: [fix, side], files: { a: "vuln\n" } });
    expect(await judge(merge)).toEqual(expected([merge, "not-reviewed"]));
  });
});

describe("not-reviewed: taken back by one alone", () => {
  test("where two have to read", async () => {
    const { repository, introduction, judge } = await begin({ any: 2 });
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    await approve(repository, introduction, fix, bob, carol);
    const back = await repository.commit({ by: alice, files: { a: "vuln\n" } });
    expect(await judge(back)).toEqual(expected([back, "not-reviewed"]));
  });

  test.each<[string, Changes, Changes]>([
    ["a removal", { a: null }, { a: "vuln\n" }],
    ["a mode", { a: { mode: 0o100755, content: "vuln\n" } }, { a: { mode: 0o100644, content: "vuln\n" } }],
    ["one of two files that belong together", { a: "fixed\n", b: "2\n" }, { a: "vuln\n" }],
  ])("%s", async (_, there, back) => {
    const { repository, introduction, judge } = await begin();
    const fix = await repository.commit({ by: alice, files: there });
    await approve(repository, introduction, fix, bob);
    expect(await judge(fix)).toEqual([]);
    const again = await repository.commit({ by: alice, files: back });
    expect(await judge(again)).toEqual(expected([again, "not-reviewed"]));
  });

  test("over a change that another person has read between", async () => {
    const { repository, introduction, judge } = await begin();
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    const more = await repository.commit({ by: carol, files: { a: "fixed more\n" } });
    await approve(repository, introduction, fix, bob);
    await approve(repository, fix, more, bob);
    const back = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    expect(await judge(back)).toEqual(expected([back, "not-reviewed"]));
  });
});

describe('reverts = "free"', () => {
  test("lets it pass, and the verdict says so, warm as well", async () => {
    const { repository, introduction, verdict } = await begin({ rules: [FREE] });
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    await approve(repository, introduction, fix, bob);
    expect(await verdict(fix)).toMatchObject({ allowed: true });
    expect((await verdict(fix)).takenBack).toBeUndefined();
    const back = await repository.commit({ by: alice, files: { a: "vuln\n" } });
    const told = [{ commit: back, paths: ["a"] }];
    expect(await verdict(back)).toMatchObject({ allowed: true, takenBack: told });
    const next = await repository.commit({ by: alice, files: { b: "2\n" } });
    await approve(repository, back, next, bob);
    expect(await verdict(next)).toMatchObject({ allowed: true, takenBack: told });
  });

  test("says nothing where the return was read", async () => {
    const { repository, introduction, verdict } = await begin({ rules: [FREE] });
    const fix = await repository.commit({ by: alice, files: { a: "fixed\n" } });
    const back = await repository.commit({ by: alice, files: { a: "vuln\n" } });
    await approve(repository, introduction, fix, bob);
    await approve(repository, fix, back, bob);
    expect((await verdict(back)).takenBack).toBeUndefined();
  });

  test("not-reviewed: of no other change, and of none that was rejected", async () => {
    const { repository, introduction, judge } = await begin({ rules: [FREE] });
    const one = await repository.commit({ by: alice, files: { a: "bad\n" } });
    const back = await repository.commit({ by: alice, files: { a: "vuln\n" } });
    expect(await judge(back)).toEqual([]);
    const again = await repository.commit({ by: alice, files: { a: "bad\n" } });
    expect((await judge(again)).map(([, code]) => code)).toEqual(["not-reviewed"]);
    await publish(repository, await reviewOf(repository, one, back, { verdict: "reject" }), bob);
    expect(await judge(back)).toEqual(expected([back, "review-rejected"]));
    expect(introduction).not.toBe(one);
  });
});

test("not-reviewed: a new file that was read, exchanged by a rename that was read too", async () => {
  const rules: RuleSpec[] = [REVIEWED, { paths: ["/docs/"], write: "writer" }];
  const { repository, introduction, judge, verdict } = await begin({ rules });
  const read = await repository.commit({
    by: alice,
    branch: "read",
    parents: [introduction],
    files: { pkg: TEXT },
  });
  await approve(repository, introduction, read, bob);
  const l0 = await repository.commit({ by: alice, files: { "docs/q": TEXT }, parents: [introduction] });
  const l1 = await repository.commit({ by: alice, files: { "docs/q": TEXT.replace("line 5", "evil") } });
  const moved = await repository.commit({
    by: alice,
    branch: "moved",
    parents: [l0],
    files: { "docs/q": null, pkg: TEXT },
  });
  const merge = await repository.merge({ by: alice, parents: [l1, moved] });
  expect(await repository.git("show", `${merge}:pkg`)).toContain("evil");
  expect(await judge(merge)).toEqual(expected([merge, "not-reviewed"]));
  const [{ message, remedy } = {}] = (await verdict(merge)).denied;
  expect(message).toContain("Git follows a rename or a copy to decide pkg");
  expect(remedy).toContain(`reads the merge itself: firstmile review REPO ${merge.slice(0, 12)}`);
  await approve(repository, l1, merge, bob);
  expect(await judge(merge)).toEqual([]);
});

test("not-reviewed: an octopus with a side that nothing is known of", async () => {
  const { repository, introduction, judge, verdict } = await begin({ files: { a: TEXT } });
  const p = await repository.commit({ by: alice });
  const q = await repository.commit({ by: alice, branch: "q", parents: [introduction] });
  const p1 = await repository.merge({ by: alice, parents: [p, q] });
  const q1 = await repository.merge({ by: alice, branch: "q", parents: [q, p] });
  const evil = await repository.commit({
    by: alice,
    branch: "q",
    parents: [q1],
    files: { a: TEXT.replace("line 0", "evil") },
  });
  const good = await repository.commit({
    by: alice,
    branch: "good",
    parents: [introduction],
    files: { a: TEXT.replace("line 11", "good") },
  });
  await approve(repository, introduction, good, bob);
  const merge = await repository.merge({ by: alice, parents: [p1, evil, good] });
  expect(await repository.git("show", `${merge}:a`)).toMatch(/^evil\n.*good$/s);
  expect(await judge(merge)).toEqual(expected([merge, "not-reviewed"]));
  expect((await verdict(merge)).denied[0]!.message).toContain("Its parents merged each other before");
  await approve(repository, p1, merge, bob);
  expect(await judge(merge)).toEqual([]);
});

describe("a review that began at a version that the line never had", () => {
  const CHECKED = TEXT.replace("line 0\n", "check 1\n");

  /** Alice adds a second check off the line, and on top takes the first one away; bob reads the latter alone. */
  async function detour() {
    const told = await begin({ files: { a: CHECKED } });
    const { repository, introduction } = told;
    const both = CHECKED.replace("line 11\n", "check 2\n");
    const c = await repository.commit({
      by: alice,
      branch: "c",
      parents: [introduction],
      files: { a: both },
    });
    const d = await repository.commit({
      by: alice,
      branch: "c",
      parents: [c],
      files: { a: both.replace("check 1\n", "line 0\n") },
    });
    await approve(repository, c, d, bob);
    // As `-s ours`: the second check never comes to the line.
    const line = await repository.merge({
      by: alice,
      parents: [introduction, c],
      files: { a: CHECKED },
    });
    // What it leaves out is a change too.
    await approve(repository, c, line, carol);
    return { ...told, c, d, line };
  }

  test("not-reviewed: takes both checks away", async () => {
    const { repository, judge, verdict, line, d } = await detour();
    expect(await judge(line)).toEqual([]);
    const merge = await repository.merge({ by: alice, parents: [line, d] });
    expect(await repository.git("show", `${merge}:a`)).not.toContain("check");
    expect(await judge(merge)).toEqual(expected([merge, "not-reviewed"]));
    expect((await verdict(merge)).denied[0]!.message).toContain(
      "a version of a that its first parent never had",
    );
    await approve(repository, line, merge, carol);
    expect(await judge(merge)).toEqual([]);
  });

  test("not-reviewed: in an octopus whose second step begins there", async () => {
    const { repository, introduction, judge, c, d } = await detour();
    await approve(repository, introduction, d, bob);
    const back = await repository.commit({ by: alice, branch: "e", parents: [c], files: { a: CHECKED } });
    const merge = await repository.merge({
      by: alice,
      parents: [introduction, d, back],
      files: { a: TEXT },
    });
    expect((await judge(merge)).filter(([id]) => id === merge)).toEqual(expected([merge, "not-reviewed"]));
  });

  test("counts where that version was read as well, by a person without a part in it", async () => {
    const { repository, introduction, judge, line, c, d } = await detour();
    const merge = await repository.merge({ by: alice, parents: [line, d] });
    await approve(repository, introduction, c, alice);
    expect(await judge(merge)).toEqual(expected([merge, "not-reviewed"]));
    await approve(repository, introduction, c, carol);
    expect(await judge(merge)).toEqual([]);
  });

  test("counts where the line had that version", async () => {
    const { repository, introduction, judge } = await begin({ files: { a: TEXT, b: "1\n" } });
    const one = await repository.commit({
      by: alice,
      branch: "x",
      parents: [introduction],
      files: { b: "x\n" },
    });
    const two = await repository.commit({
      by: alice,
      branch: "x",
      files: { a: TEXT.replace("line 3", "3") },
    });
    await approve(repository, introduction, one, bob);
    await approve(repository, one, two, bob);
    const first = await repository.merge({ by: alice, parents: [introduction, one] });
    const next = await repository.commit({ by: alice, files: { a: TEXT.replace("line 9", "9") } });
    await approve(repository, first, next, carol);
    expect(await judge(next)).toEqual([]);
    const merge = await repository.merge({ by: carol, parents: [next, two] });
    expect(await judge(merge)).toEqual([]);
  });
});
