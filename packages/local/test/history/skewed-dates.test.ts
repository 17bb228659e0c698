/** Commits with wrong dates, where `git rev-list` stops too early and lists what the introduction reaches. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expected, makeWorld, offences, type Person, type World } from "@firstmile/testing/world";
import { publish, reviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const LONG_AGO = 631_152_000;
const MODES = ["every-commit", "first-parent", "tip"] as const;

/** Three old unsigned commits by bob, twelve that say 1990, the introduction, and a branch that left before these. */
async function skewed() {
  const repository = await world.repository("skewed");
  const old: CommitId[] = [];
  for (let i = 0; i < 3; i++) {
    const unsigned = { author: "bob", files: { [`old${i}`]: "1\n" }, message: `old ${i}\n` };
    old.push(await repository.commit(unsigned));
  }
  for (let i = 0; i < 12; i++)
    await repository.commit({ date: LONG_AGO + i, files: { import: `${i}\n` }, message: `import ${i}\n` });
  const introduction = await repository.commit({ by: alice, date: LONG_AGO + 20, files: { a: "1\n" } });
  const side = await repository.commit({
    by: alice,
    branch: "side",
    parents: [old[2]!],
    files: { "side.nix": "1\n" },
  });
  const tip = await repository.merge({ by: alice, parents: [introduction, side] });
  return { repository, old, introduction, side, tip };
}

describe.each(MODES)("%s", (mode) => {
  test("ancestors of the introduction are not judged, and no person had a part in them", async () => {
    const { repository, introduction, tip } = await skewed();
    const listed = await repository.git("rev-list", tip, `^${introduction}`);
    expect(listed.split("\n").length, "git rev-list is wrong here").toBeGreaterThan(2);
    const rules = [{ paths: ["**"], write: "writer", review: "writer" }];
    const plain = { people: [alice, bob], emails: true };
    const source = { introduction, authenticate: mode };
    const unreviewed = { ...plain, sources: { pkgs: source } };
    const cacheDir = world.fresh("state");
    expect(offences(await world.verify({ repository, policy: unreviewed, cacheDir }))).toEqual([]);
    expect(offences(await world.verify({ repository, policy: unreviewed, cacheDir }))).toEqual([]);
    const reviewed = { ...plain, sources: { pkgs: { ...source, rules } } };
    expect(offences(await world.verify({ repository, policy: reviewed }))).toEqual(
      expected([tip, "not-reviewed"]),
    );
    await publish(repository, await reviewOf(repository, introduction, tip), bob);
    expect(offences(await world.verify({ repository, policy: reviewed }))).toEqual([]);
  });
});

test("a trust repository with wrong dates is followed forward, and not taken for a rollback", async () => {
  const repository = await world.repository("trust");
  const policy = { people: [alice] };
  const introduction = await world.rules(repository, { by: alice, policy });
  for (let i = 0; i < 3; i++)
    await world.rules(repository, { by: alice, policy, files: { notes: `${i}\n` }, message: `${i}\n` });
  const fork = repository.tip();
  for (let i = 0; i < 12; i++)
    await world.rules(repository, {
      by: alice,
      policy,
      date: LONG_AGO + i,
      files: { notes: `long ago ${i}\n` },
      message: `long ago ${i}\n`,
    });
  const followed = repository.tip();
  const machine = world.machine();
  expect((await machine.add(repository, { commit: introduction, signedBy: [alice] })).verdict.allowed).toBe(
    true,
  );
  const side = await world.rules(repository, { by: alice, branch: "side", parents: [fork], policy });
  const both = { by: alice, parents: [followed, side], policy, message: "merge\n" };
  await world.rules(repository, { ...both, branch: "main" });
  const listed = await repository.git("rev-list", "main", `^${followed}`);
  expect(listed.split("\n").length, "git rev-list is wrong here").toBeGreaterThan(2);
  const { verdict, commits } = await machine.update();
  expect(verdict.reasons.filter(({ ok }) => !ok)).toEqual([]);
  expect(commits).toBe(2);
});
