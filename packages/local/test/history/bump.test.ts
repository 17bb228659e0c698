/** A change of version and hash alone, to a source that the same author signed, needs no reader; all else does. */
import { createHash } from "node:crypto";
import { sortedTargets } from "@firstmile/formats/statement/target";
import { Author } from "@firstmile/testing/release-author";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import { distrustOf, publish, reviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handoff, packageOf, sourceOf, UPSTREAM } from "./hello-releases.ts";
import type { Mode } from "./review-story.ts";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

async function story(mode: Mode = "every-commit", more = 'bump = "upstream-signed"') {
  const repository = await world.repository("bumped");
  const files = { "hello.nix": packageOf("1.0"), "other.nix": "{ }\n" };
  const introduction = await repository.commit({ by: alice, files });
  const policy: PolicySpec = {
    people: [alice, bob],
    emails: true,
    roles: { reviewer: [bob], packager: [bob], warden: [bob] },
    sources: {
      pkgs: {
        introduction,
        authenticate: mode,
        rules: [{ paths: ["**"], write: "writer", review: "reviewer", more }],
      },
    },
    more: UPSTREAM,
  };
  const cacheDir = world.fresh("state");
  const judge = async () => offences(await world.verify({ repository, policy, cacheDir }));
  await publish(repository, handoff("1.0"), bob);
  return { repository, introduction, judge };
}

describe.each<Mode>(["every-commit", "first-parent", "tip"])("with %s", (mode) => {
  test("a bump passes unread, and the next one", async () => {
    const { repository, judge } = await story(mode);
    await publish(repository, handoff("1.1"), bob);
    await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.1") } });
    expect(await judge()).toEqual([]);
    await publish(repository, handoff("1.2"), bob);
    await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.2") } });
    expect(await judge()).toEqual([]);
  });

  test("not-reviewed: where nobody handed on the new source", async () => {
    const { repository, judge } = await story(mode);
    const commit = await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.1") } });
    expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
    await publish(repository, handoff("1.1"), bob);
    expect(await judge()).toEqual([]);
  });
});

test("not-reviewed: what else the same commit changes", async () => {
  const { repository, introduction, judge } = await story();
  await publish(repository, handoff("1.1"), bob);
  const files = { "hello.nix": packageOf("1.1"), "other.nix": "{ evil = true; }\n" };
  const commit = await repository.commit({ by: alice, files });
  expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
  const review = await reviewOf(repository, introduction, commit);
  const rest = review.changes.filter(({ path }) => path === "other.nix");
  await publish(repository, { ...review, changes: rest }, bob);
  expect(await judge()).toEqual([]);
});

test("not-reviewed: what else the same file changes", async () => {
  const { repository, judge } = await story();
  await publish(repository, handoff("1.1"), bob);
  const changed = packageOf("1.1", "\n  evil = true;");
  const commit = await repository.commit({ by: alice, files: { "hello.nix": changed } });
  expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
});

test("not-reviewed: a source that another key signed, or that somebody handed on who may not", async () => {
  const { repository, judge } = await story();
  await publish(repository, handoff("1.1", new Author("ff00000000000000")), bob);
  await publish(repository, handoff("1.1"), alice);
  const commit = await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.1") } });
  expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
});

test("not-reviewed: a bump where the rule lets none pass", async () => {
  const { repository, judge } = await story("every-commit", "");
  await publish(repository, handoff("1.1"), bob);
  const commit = await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.1") } });
  expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
});

test("a warden's word against the new source ends it, also where it was let pass before", async () => {
  const { repository, judge } = await story();
  await publish(repository, handoff("1.1"), bob);
  const commit = await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.1") } });
  expect(await judge()).toEqual([]);
  const sha256 = createHash("sha256").update(sourceOf("1.1")).digest("hex");
  const targets = sortedTargets([{ kind: "content", sha256, id: undefined, path: undefined }]);
  await publish(repository, distrustOf({ targets, because: "a back door" }), bob);
  expect(await judge()).toEqual(expected([commit, "not-reviewed"]));
});

test("review-rejected: a reviewer's no stands", async () => {
  const { repository, introduction, judge } = await story();
  await publish(repository, handoff("1.1"), bob);
  const commit = await repository.commit({ by: alice, files: { "hello.nix": packageOf("1.1") } });
  await publish(repository, await reviewOf(repository, introduction, commit, { verdict: "reject" }), bob);
  expect(await judge()).toEqual(expected([commit, "review-rejected"]));
});
