/** Asking in another order, or at another time, must never change an answer. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { writeStatement } from "@firstmile/local/statements/write";
import {
  BEGINNING,
  DAY,
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import { publish, reviewOf, signedBy } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approve, type Mode } from "./review-story.ts";

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

async function begin(mode: Mode = "every-commit", people: readonly Person[] = [alice, bob, carol]) {
  const repository = await world.repository("cached");
  const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
  const policy: PolicySpec = {
    people,
    emails: true,
    roles: { reviewer: people },
    sources: {
      pkgs: {
        introduction,
        authenticate: mode,
        rules: [{ paths: ["**"], write: "writer", review: "reviewer" }],
      },
    },
  };
  const cacheDir = world.fresh("state");
  const ask = async (tip: CommitId, now?: number) =>
    offences(await world.verify({ repository, policy, cacheDir, tip, ...(now ? { now } : {}) }));
  return { repository, introduction, policy, ask };
}

test("tip: whoever wrote what was remembered still had a part in the whole", async () => {
  const { repository, introduction, ask } = await begin("tip");
  const first = await repository.commit({ by: bob, files: { a: "2\n" } });
  await approve(repository, introduction, first, carol);
  expect(await ask(first)).toEqual([]);
  const second = await repository.commit({ by: alice, files: { a: "3\n" } });
  await approve(repository, introduction, second, bob);
  expect(await ask(second)).toEqual(expected([second, "not-reviewed"]));
});

test("a review that reaches back over what is remembered counts as it does without", async () => {
  const { repository, introduction, ask } = await begin();
  const first = await repository.commit({ by: alice, files: { a: "2\n" } });
  await approve(repository, introduction, first, bob);
  expect(await ask(first)).toEqual([]);
  const second = await repository.commit({ by: alice, files: { a: "3\n" } });
  await approve(repository, introduction, second, carol);
  expect(await ask(second)).toEqual([]);
});

test("first-parent: who wrote what was merged before is no part of what is merged now", async () => {
  const { repository, introduction, ask } = await begin("first-parent");
  const old = await repository.commit({
    by: bob,
    branch: "side",
    parents: [introduction],
    files: { b: "1\n" },
  });
  const merged = await repository.merge({ by: alice, parents: [introduction, old] });
  await approve(repository, introduction, merged, carol);
  expect(await ask(merged)).toEqual([]);
  const side = await repository.commit({ by: alice, branch: "side", parents: [old], files: { c: "1\n" } });
  const again = await repository.merge({ by: alice, parents: [merged, side] });
  await approve(repository, old, side, bob);
  expect(await ask(again)).toEqual([]);
});

test("review-rejected: a statement that strangers had signed already, now signed by a reviewer", async () => {
  const { repository, introduction, ask } = await begin();
  const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
  await approve(repository, introduction, commit, bob);
  const no = await reviewOf(repository, introduction, commit, { verdict: "reject" });
  await publish(repository, no, mallory);
  expect(await ask(commit)).toEqual([]);
  // In its place, and not beside it: the place holds one envelope with the same payload as before.
  await repository.git("update-ref", "-d", "refs/firstmile/statements");
  await approve(repository, introduction, commit, bob);
  await writeStatement({ kind: "ref", repository: repository.dir }, await signedBy(no, [mallory, carol]));
  expect(await ask(commit)).toEqual(expected([commit, "review-rejected"]));
});

test("not-reviewed: nothing is remembered longer than the reviewer's key is good for", async () => {
  const dora = await world.person("dora", "openpgp-ed25519", { expires: "30d" });
  const { repository, introduction, policy, ask } = await begin("every-commit", [alice, dora]);
  const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
  await approve(repository, introduction, commit, dora);
  const verdict = await world.verify({ repository, policy, now: BEGINNING + 29 * DAY });
  expect(verdict).toMatchObject({ allowed: true, validUntil: BEGINNING + 30 * DAY });
  expect(await ask(commit, BEGINNING + 29 * DAY)).toEqual([]);
  expect(await ask(commit, BEGINNING + 31 * DAY)).toEqual(expected([commit, "not-reviewed"]));
});

test("two tips, each beside the other, come out as if alone", async () => {
  const { repository, introduction, ask } = await begin();
  const at = (branch: string, content: string) =>
    repository.commit({ by: alice, branch, parents: [introduction], files: { a: content } });
  const [good, bad] = [await at("good", "2\n"), await at("bad", "3\n")];
  await approve(repository, introduction, good, bob);
  expect(await ask(good)).toEqual([]);
  expect(await ask(bad)).toEqual(expected([bad, "not-reviewed"]));
  expect(await ask(good)).toEqual([]);
  const both = await repository.merge({ by: alice, parents: [good, bad], files: { a: "2\n" } });
  // The merge leaves the path as the line had it, and what it leaves out was read by no person.
  expect(await ask(both)).toEqual([]);
  const other = await repository.commit({ by: alice, parents: [bad, good], files: { a: "3\n" } });
  // This one leaves out what bob has read, and keeps what no person has.
  expect(await ask(other)).toEqual(expected([other, "not-reviewed"], [bad, "not-reviewed"]));
});
