/** One person's word that two commits of one repository are the newest, which are not on one line. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { sourceFreshness } from "@firstmile/local/mirrors/judge-source";
import { DAY, makeWorld, type Person, WORLD_NOW, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { SourceName } from "@firstmile/trust/policy/names";
import { afterAll, beforeAll, expect, test } from "vitest";
import { say } from "../trust-repository/served.ts";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

async function story() {
  const repository = await world.repository("heads");
  const introduction = await repository.commit({ by: alice });
  const main = await repository.commit({ by: alice, files: { a: "1\n" } });
  const other = await repository.commit({
    by: alice,
    branch: "other",
    parents: [introduction],
    files: { a: "2\n" },
  });
  const more = 'head = { signed_by = "writer", max_age = "7d" }';
  const sources = { pkgs: { introduction, more } };
  const loaded = loadPolicy(await policyFiles({ people: [alice, bob], sources }));
  if (!loaded.ok) throw new Error("these rules load");
  const { policy } = loaded;
  const source = policy.sources.get("pkgs" as SourceName)!;
  const stated = (commit: CommitId, days: number, ...by: readonly Person[]) =>
    say(repository.dir, { commit, at: WORLD_NOW - days * DAY, by, source: "pkgs" });
  const code = async (commit: CommitId) => {
    const where = { repository: repository.dir, others: [], statements: [] };
    const question = { ...where, policy, source, commit, now: WORLD_NOW };
    return (await sourceFreshness(question))?.reason.code;
  };
  return { introduction, main, other, stated, code };
}

test("counts for neither, and another person's word is enough", async () => {
  const { main, other, stated, code } = await story();
  await stated(main, 2, alice);
  expect(await code(main)).toBe("fresh");
  await stated(other, 1, alice);
  expect([await code(main), await code(other)]).toEqual(["equivocation", "equivocation"]);
  await stated(main, 1, bob);
  expect([await code(main), await code(other)]).toEqual(["fresh", "equivocation"]);
});

test("stands where the one descends from the other, or is too old to count", async () => {
  const { introduction, main, other, stated, code } = await story();
  await stated(other, 8, alice);
  await stated(introduction, 2, alice);
  await stated(main, 1, alice);
  expect(await code(main)).toBe("fresh");
});
