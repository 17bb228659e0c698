/**
 * Histories of other repositories, signed by people who may write here and for something else. Bob may write below docs/
 * alone. What he merges from elsewhere is his own change.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
  type WorldRepository,
} from "@firstmile/testing/world";
import type { Changes } from "@firstmile/testing/world-repository";
import { publish, reviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol] = await Promise.all(
    ["alice", "bob", "carol"].map((name) => world.person(name)) as [
      Promise<Person>,
      Promise<Person>,
      Promise<Person>,
    ],
  );
});
afterAll(() => world[Symbol.asyncDispose]());

const MODES = ["every-commit", "first-parent", "tip"] as const;
type Mode = (typeof MODES)[number];
const SMUGGLES = {
  "every-commit": "merge-smuggles",
  "first-parent": "outside-paths",
  tip: "outside-paths",
} as const;

function policyOf(introduction: CommitId, mode: Mode = "every-commit", reviewed = false): PolicySpec {
  const review = reviewed ? { review: "reader" } : {};
  return {
    people: [alice, bob, carol],
    emails: true,
    roles: { owner: [alice], docs: [alice, bob], reader: [alice, bob, carol] },
    sources: {
      pkgs: {
        introduction,
        authenticate: mode,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "owner", ...review },
          { paths: ["/docs/"], write: "docs", ...review },
        ],
      },
    },
  };
}

async function begin() {
  const repository = await world.repository("foreign");
  const before = await repository.commit({ by: alice, files: { "docs/a": "1\n" } });
  const introduction = await repository.commit({ by: alice, files: { "docs/x": "1\n", "lib.nix": "lib\n" } });
  return { repository, before, introduction };
}

function elsewhere(repository: WorldRepository, files: Changes, parents: readonly CommitId[] = []) {
  return repository.commit({ by: alice, branch: "toy", parents, files });
}

/** Cold, and warm behind what was allowed on the way. */
async function judge(repository: WorldRepository, policy: PolicySpec, way: readonly CommitId[] = []) {
  const cacheDir = world.fresh("state");
  for (const tip of way) await world.verify({ repository, policy, cacheDir, tip });
  const warm = offences(await world.verify({ repository, policy, cacheDir }));
  expect(warm).toEqual(offences(await world.verify({ repository, policy })));
  return warm;
}

describe.each(MODES)("%s", (mode) => {
  test("bob brings in what alice signed in another repository", async () => {
    const { repository, introduction } = await begin();
    const toy = await elsewhere(repository, { "default.nix": "toy\n" });
    const files = { "docs/x": "1\n", "docs/a": "1\n", "lib.nix": "lib\n", "default.nix": "toy\n" };
    const merge = await repository.commit({ by: bob, parents: [introduction, toy], whole: true, files });
    expect(await judge(repository, policyOf(introduction, mode), [introduction, toy])).toEqual(
      expected([merge, SMUGGLES[mode]]),
    );
    const verdict = await world.verify({ repository, policy: policyOf(introduction, mode) });
    expect(verdict.denied[0]!.paths).toEqual(["default.nix"]);
  });

  test("bob brings in docs/ of another repository, which he may write", async () => {
    const { repository, introduction } = await begin();
    const toy = await elsewhere(repository, { "docs/toy": "toy\n" });
    await repository.merge({ by: bob, parents: [introduction, toy] });
    expect(await judge(repository, policyOf(introduction, mode), [introduction])).toEqual([]);
  });

  test("alice brings in anything, and goes on doing so", async () => {
    const { repository, introduction } = await begin();
    const toy = await elsewhere(repository, { "default.nix": "toy\n" });
    const first = await repository.merge({ by: alice, parents: [introduction, toy] });
    const more = await elsewhere(repository, { "default.nix": "toy 2\n" }, [toy]);
    await repository.merge({ by: alice, parents: [first, more] });
    expect(await judge(repository, policyOf(introduction, mode), [first])).toEqual([]);
  });
});

describe("every-commit: bob", () => {
  test("names the other history first", async () => {
    const { repository, introduction } = await begin();
    const toy = await elsewhere(repository, { "default.nix": "toy\n", "lib.nix": "lib\n" });
    const merge = await repository.merge({ by: bob, parents: [toy, introduction] });
    expect(await judge(repository, policyOf(introduction), [introduction, toy])).toEqual(
      expected([merge, "merge-smuggles"]),
    );
  });

  test("takes an update of what alice had brought in", async () => {
    const { repository, introduction } = await begin();
    const toy = await elsewhere(repository, { "default.nix": "toy\n" });
    const first = await repository.merge({ by: alice, parents: [introduction, toy] });
    const more = await elsewhere(repository, { "default.nix": "toy 2\n" }, [toy]);
    const merge = await repository.merge({ by: bob, parents: [first, more] });
    expect(await judge(repository, policyOf(introduction), [first])).toEqual(
      expected([merge, "merge-smuggles"]),
    );
  });

  test("merges it on an old branch, and that later", async () => {
    const { repository, before, introduction } = await begin();
    const toy = await elsewhere(repository, { "default.nix": "toy\n" });
    const old = await repository.merge({ by: bob, branch: "old", parents: [before, toy] });
    await repository.merge({ by: alice, parents: [introduction, old] });
    expect(await judge(repository, policyOf(introduction), [introduction, old])).toEqual(
      expected([old, "merge-smuggles"]),
    );
  });

  test("merges it as one of three", async () => {
    const { repository, introduction } = await begin();
    const toy = await elsewhere(repository, { "default.nix": "toy\n" });
    const side = await repository.commit({
      by: bob,
      branch: "side",
      parents: [introduction],
      files: { "docs/y": "1\n" },
    });
    const main = await repository.commit({ by: bob, parents: [introduction], files: { "docs/z": "1\n" } });
    const merge = await repository.merge({ by: bob, parents: [main, side, toy] });
    expect(await judge(repository, policyOf(introduction), [main])).toEqual(
      expected([merge, "merge-smuggles"]),
    );
  });

  test("makes it an ancestor without its content, and takes a fix back by way of it", async () => {
    const { repository, introduction } = await begin();
    // Elsewhere lib.nix is what alice is about to make of it here.
    const files = { "docs/x": "1\n", "docs/a": "1\n", "lib.nix": "fixed\n" };
    const toy = await elsewhere(repository, files);
    const old = { by: bob, whole: true, files: { ...files, "lib.nix": "lib\n" } };
    const left = await repository.commit({ ...old, branch: "left", parents: [introduction, toy] });
    const fix = await repository.commit({
      by: alice,
      parents: [introduction],
      files: { "lib.nix": "fixed\n" },
    });
    const right = await repository.commit({ by: bob, whole: true, files, parents: [fix, toy] });
    const merge = await repository.commit({ ...old, parents: [right, left] });
    expect(await judge(repository, policyOf(introduction), [fix])).toEqual(
      expected([merge, "merge-smuggles"]),
    );
  });
});

test("what is merged from elsewhere is read as the merge brings it, and its merger does not count as a reader", async () => {
  const { repository, introduction } = await begin();
  const toy = await elsewhere(repository, { "docs/toy": "toy\n" });
  const merge = await repository.merge({ by: bob, parents: [introduction, toy] });
  const policy = policyOf(introduction, "every-commit", true);
  expect(await judge(repository, policy)).toEqual(expected([merge, "not-reviewed"]));
  await publish(repository, await reviewOf(repository, introduction, merge), bob);
  expect(await judge(repository, policy)).toEqual(expected([merge, "not-reviewed"]));
  await publish(repository, await reviewOf(repository, introduction, merge), carol);
  expect(await judge(repository, policy)).toEqual([]);
});
