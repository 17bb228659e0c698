/** Who co-signs has still read: only without whom the commit would not stand had a part in it. */
import { mkdirSync } from "node:fs";
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
import { cosignStatement, publish } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { approve } from "./review-story.ts";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
let dora: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol, dora] = (await Promise.all(
    ["alice", "bob", "carol", "dora"].map((name) => world.person(name)),
  )) as [Person, Person, Person, Person];
});
afterAll(() => world[Symbol.asyncDispose]());

async function tag(repository: WorldRepository, commit: CommitId, by: Person) {
  const payload = Buffer.from(`object ${commit}\ntype commit\ntag v1\ntagger b <> 1 +0000\n\nrelease\n`);
  const id = repository.write("tag", Buffer.concat([payload, await by.sign(payload)]));
  repository.ref(`refs/tags/v1-${by.name}`, id);
}

const WAYS: Readonly<
  Record<string, (repository: WorldRepository, commit: CommitId, by: Person) => Promise<unknown>>
> = {
  "a signed tag": tag,
  "a note": (repository, commit, by) => repository.cosign(commit, by),
  "a statement": (repository, commit, by) => publish(repository, cosignStatement(commit), by),
};

/** Alice commits to a file that `write` of the four may write, and anybody else reads. */
async function story(write: number, mode: "every-commit" | "first-parent" | "tip" = "every-commit") {
  const repository = await world.repository("cosigned");
  const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
  const commit = await repository.commit({ by: alice, files: { a: "2\n" } });
  const people = [alice, bob, carol, dora];
  const policy: PolicySpec = {
    people,
    emails: true,
    roles: {
      owner: [alice],
      two: { any: 2, of: people },
      writer: { any: write, of: people },
      reader: people,
    },
    sources: {
      pkgs: {
        introduction,
        signedBy: "owner",
        authenticate: mode,
        rules: [
          { paths: ["**"], write: "writer", review: "reader" },
          { paths: ["/elsewhere/"], write: "two", review: "reader" },
        ],
      },
    },
  };
  const cacheDir = world.fresh("state");
  mkdirSync(cacheDir);
  const ask = async () => {
    const warm = offences(await world.verify({ repository, policy, cacheDir, tip: commit }));
    expect(warm).toEqual(offences(await world.verify({ repository, policy, tip: commit })));
    return warm;
  };
  return { repository, introduction, commit, ask };
}

describe.each(Object.keys(WAYS))("%s", (way) => {
  const sign = WAYS[way]!;

  test.each(["every-commit", "first-parent", "tip"] as const)(
    "%s: by a person who read it, and was not needed as a writer, takes no answer away",
    async (mode) => {
      const { repository, introduction, commit, ask } = await story(1, mode);
      await approve(repository, introduction, commit, bob);
      expect(await ask()).toEqual([]);
      await sign(repository, commit, bob);
      expect(await ask()).toEqual([]);
    },
  );

  test("by the second writer whom the rule needs: who is then no reader", async () => {
    const { repository, introduction, commit, ask } = await story(2);
    await approve(repository, introduction, commit, bob);
    await sign(repository, commit, bob);
    expect(await ask()).toEqual(expected([commit, "not-reviewed"]));
    await approve(repository, introduction, commit, carol);
    expect(await ask()).toEqual([]);
  });

  test("by a third person beside the two whom the rule needs", async () => {
    const { repository, introduction, commit, ask } = await story(2);
    await repository.cosign(commit, carol);
    await approve(repository, introduction, commit, bob);
    expect(await ask()).toEqual([]);
    await sign(repository, commit, bob);
    expect(await ask()).toEqual([]);
  });
});
