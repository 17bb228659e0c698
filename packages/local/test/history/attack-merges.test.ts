/** Merges made to carry a change to where its author may not write. Bob may write below pkgs/ and nowhere else. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

type Mode = "every-commit" | "first-parent" | "tip";

function rules(introduction: CommitId, authenticate: Mode = "every-commit"): PolicySpec {
  return {
    people: [alice, bob],
    roles: { owner: [alice], packager: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        authenticate,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "owner" },
          { paths: ["/pkgs/"], write: "packager" },
        ],
      },
    },
  };
}

const TEXT = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
const EVIL = TEXT.replace("four", "evil");

async function judge(repository: WorldRepository, introduction: CommitId, mode?: Mode) {
  return offences(await world.verify({ repository, policy: rules(introduction, mode) }));
}

describe("merge-smuggles: Git follows a rename", () => {
  test("from where bob may write to where he may not", async () => {
    const repository = await world.repository("moved");
    const introduction = await repository.commit({ by: alice, files: { "pkgs/a": TEXT } });
    const main = await repository.commit({ by: alice, files: { "pkgs/a": null, "lib/a": TEXT } });
    const side = await repository.commit({
      by: bob,
      branch: "side",
      parents: [introduction],
      files: { "pkgs/a": EVIL },
    });
    const merge = await repository.merge({ by: bob, parents: [main, side] });
    expect(await repository.git("show", `${merge}:lib/a`)).toBe(EVIL.trim());
    expect(await judge(repository, introduction)).toEqual(expected([merge, "merge-smuggles"]));
  });

  test("that never was one: bob put a file there that looks like what alice is about to add", async () => {
    const repository = await world.repository("bait");
    const introduction = await repository.commit({ by: alice, files: { "pkgs/x": "1\n" } });
    const bait = await repository.commit({ by: bob, files: { "pkgs/bait": TEXT } });
    await repository.commit({ by: alice, files: { "lib/new": TEXT } });
    const main = await repository.commit({ by: bob, files: { "pkgs/bait": null } });
    const side = await repository.commit({
      by: bob,
      branch: "side",
      parents: [bait],
      files: { "pkgs/bait": EVIL },
    });
    const merge = await repository.merge({ by: bob, parents: [main, side] });
    expect(await repository.git("show", `${merge}:lib/new`)).toBe(EVIL.trim());
    expect(await judge(repository, introduction)).toEqual(expected([merge, "merge-smuggles"]));
  });

  test("the same by an owner of both passes", async () => {
    const repository = await world.repository("owner");
    const introduction = await repository.commit({ by: alice, files: { "pkgs/a": TEXT } });
    const main = await repository.commit({ by: alice, files: { "pkgs/a": null, "lib/a": TEXT } });
    const side = await repository.commit({
      by: bob,
      branch: "side",
      parents: [introduction],
      files: { "pkgs/a": EVIL },
    });
    await repository.merge({ by: alice, parents: [main, side] });
    expect(await judge(repository, introduction)).toEqual([]);
  });

  test("within where bob may write passes", async () => {
    const repository = await world.repository("within");
    const introduction = await repository.commit({ by: alice, files: { "pkgs/a": TEXT } });
    const main = await repository.commit({ by: alice, files: { "pkgs/a": null, "pkgs/b": TEXT } });
    const side = await repository.commit({
      by: bob,
      branch: "side",
      parents: [introduction],
      files: { "pkgs/a": EVIL },
    });
    await repository.merge({ by: bob, parents: [main, side] });
    expect(await judge(repository, introduction)).toEqual([]);
  });
});

test("merge-smuggles: what a merge that cannot be made again takes away", async () => {
  const repository = await world.repository("unmergeable");
  const introduction = await repository.commit({ by: alice, files: { "pkgs/x": "1\n", lib: "protected\n" } });
  // More best common ancestors than are merged first: seventeen sides, and two merges of them all.
  const sides: CommitId[] = [];
  for (let i = 0; i < 17; i++) {
    const files = { [`pkgs/${i}`]: `${i}\n` };
    sides.push(await repository.commit({ by: bob, branch: `side${i}`, parents: [introduction], files }));
  }
  const files = Object.fromEntries(sides.map((_, i) => [`pkgs/${i}`, `${i}\n`]));
  const octopus = (branch: string) =>
    repository.commit({ by: bob, branch, parents: sides, files, message: `${branch}\n` });
  const [left, right] = [await octopus("left"), await octopus("right")];
  const merge = await repository.commit({ by: bob, parents: [left, right], files: { lib: null } });
  expect(await judge(repository, introduction)).toEqual(expected([merge, "merge-smuggles"]));
}, 60_000);

test("an octopus of two hundred parents costs no work", async () => {
  const repository = await world.repository("octopus");
  const introduction = await repository.commit({ by: alice, files: { "pkgs/x": "1\n" } });
  const parents = [introduction];
  for (let i = 0; i < 200; i++) {
    const tree = repository.write("tree", Buffer.alloc(0));
    const text = `tree ${tree}\nparent ${introduction}\nauthor a <> ${i} +0000\ncommitter a <> ${i} +0000\n\n${i}\n`;
    parents.push(repository.write("commit", Buffer.from(text)) as CommitId);
  }
  const merge = await repository.commit({ by: bob, parents, files: { "pkgs/x": "2\n" } });
  const start = performance.now();
  const denied = await judge(repository, introduction);
  expect(denied.filter(([id]) => id === merge).map(([, code]) => code)).toEqual(["too-many-parents"]);
  expect(denied).toHaveLength(201);
  expect(performance.now() - start).toBeLessThan(30_000);
});

describe.each<Mode>(["every-commit", "first-parent", "tip"])(
  "%s: bob takes no part of what alice alone may write",
  (mode) => {
    test("by a merge with its parents swapped that leaves hers out", async () => {
      const repository = await world.repository("foxtrot");
      const introduction = await repository.commit({ by: alice, files: { "pkgs/x": "1\n", lib: "hole\n" } });
      const fix = await repository.commit({ by: alice, files: { lib: "fixed\n" } });
      const side = await repository.commit({
        by: bob,
        branch: "side",
        parents: [introduction],
        files: { "pkgs/x": "2\n" },
      });
      const merge = await repository.commit({ by: bob, parents: [side, fix] });
      const denied = await judge(repository, introduction, mode);
      // Along first parents there was no fix: what is at the merge is what bob's own branch had, which he may ask for too.
      expect(denied).toEqual(mode === "every-commit" ? expected([merge, "merge-smuggles"]) : []);
    });

    test("by a merge with what was before the introduction", async () => {
      const repository = await world.repository("rollback");
      const before = await repository.commit({ by: alice, files: { "pkgs/x": "1\n", lib: "hole\n" } });
      const introduction = await repository.commit({ by: alice, files: { lib: "fixed\n" } });
      const merge = await repository.commit({ by: bob, parents: [before, introduction] });
      const code = {
        "every-commit": "merge-smuggles",
        "first-parent": "not-a-descendant",
        tip: "outside-paths",
      };
      expect(await judge(repository, introduction, mode)).toEqual(expected([merge, code[mode]]));
    });
  },
);
