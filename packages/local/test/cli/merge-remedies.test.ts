/** What a denied merge, and a change that is taken back, tell the person to type: typed as it is printed, it helps. */
import { chmodSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import { emailOf, type WorldRepository } from "@firstmile/testing/world-repository";
import { publish, reviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
  chmodSync(world.dir, 0o755);
});
afterAll(() => world[Symbol.asyncDispose]());

const TEXT = Array.from({ length: 12 }, (_, i) => `line ${i}\n`).join("");
const EDITED = TEXT.replace("line 5", "edited");

async function begin(rules: readonly RuleSpec[]) {
  const repository = await world.repository("pkgs");
  const introduction = await repository.commit({ by: alice, files: { "lib/a": TEXT } });
  const policy = await world.policyDirectory({
    people: [alice, bob],
    emails: true,
    roles: { owner: [bob], writer: [alice, bob] },
    sources: { pkgs: { introduction, rules } },
  });
  const state = { FIRSTMILE_STATE: world.fresh("state") };
  const asked = async (words: readonly string[]) => {
    const { code, stdout } = await world.firstmile([...words, "--policy", policy], { env: state });
    // As one line, however the terminal breaks it.
    return { code, text: stdout.toString().replace(/\s+[│├└─ ]*/g, " ") };
  };
  const verify = (tip: CommitId) => asked(["verify", repository.dir, tip]);
  return { repository, introduction, verify, asked };
}

async function renamed(repository: WorldRepository, introduction: CommitId, by: Person) {
  const side = await repository.commit({
    by: alice,
    branch: "s",
    parents: [introduction],
    files: { "lib/a": EDITED },
  });
  const main = await repository.commit({ by: bob, files: { "lib/a": null, "lib/b": TEXT } });
  const merge = await repository.merge({ by, parents: [main, side] });
  expect(await repository.git("show", `${merge}:lib/b`)).toBe(EDITED.trim());
  return { side, main, merge };
}

/** Types a command that was printed, as a person. */
async function typed(person: Person, line: string, repository: WorldRepository, ...more: string[]) {
  const [program, ...words] = line.replace("REPO", repository.dir).split(" ");
  expect(program).toBe("firstmile");
  const config = Object.entries({ ...person.gitConfig, "user.email": emailOf(person.name) });
  const env = {
    GIT_CONFIG_COUNT: `${config.length}`,
    ...Object.fromEntries(
      config.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
  return world.firstmile([...words, ...more], { env });
}

test("not-reviewed: a merge that follows a rename, whose sides were both read, is read itself", async () => {
  const rule: RuleSpec = { paths: ["**"], write: "writer", review: "writer" };
  const { repository, introduction, verify } = await begin([rule]);
  const { side, main, merge } = await renamed(repository, introduction, alice);
  await publish(repository, await reviewOf(repository, introduction, side), bob);
  await publish(repository, await reviewOf(repository, introduction, main), alice);
  const denied = await verify(merge);
  expect(denied.code).toBe(1);
  expect(denied.text).toContain(
    "Git follows a rename or a copy to decide lib/b, so the merge itself changes it: reviews of the merged branches do not cover that",
  );
  const [, who, command] =
    /help: not-reviewed: (\w+) reads the merge itself: (firstmile review REPO \w+)/.exec(denied.text)!;
  expect(who).toBe("bob");
  const shown = await typed(bob, command!, repository, "--yes");
  expect(shown.code).toBe(0);
  expect(shown.stdout.toString()).toContain("edited");
  expect((await verify(merge)).code).toBe(0);
});

test("merge-smuggles: a merge that follows a rename by a person who may not write the file is co-signed", async () => {
  const { repository, introduction, verify } = await begin([
    { paths: ["**"], write: "writer" },
    { paths: ["/lib/b"], write: "owner" },
  ]);
  const { merge } = await renamed(repository, introduction, alice);
  const denied = await verify(merge);
  expect(denied.code).toBe(1);
  const [, command] = /role owner reads the merge and co-signs it: (firstmile cosign REPO \w+)/.exec(
    denied.text,
  )!;
  expect((await typed(bob, command!, repository)).code).toBe(0);
  expect((await verify(merge)).code).toBe(0);
});

describe('reverts = "free"', () => {
  test("verify and why say what passed for no other reason", async () => {
    const rule: RuleSpec = { paths: ["**"], write: "writer", review: "writer", more: 'reverts = "free"' };
    const { repository, introduction, verify, asked } = await begin([rule]);
    const fix = await repository.commit({ by: alice, files: { "lib/a": EDITED } });
    await publish(repository, await reviewOf(repository, introduction, fix), bob);
    const back = await repository.commit({ by: alice, files: { "lib/a": TEXT } });
    const told = `${back.slice(0, 12)} taken-back: lib/a passes unread`;
    expect((await verify(back)).text).toContain(told);
    expect((await verify(back)).text).toContain(told);
    const why = await asked(["why", back, "--repository", repository.dir]);
    expect(why.text).toContain(`${back.slice(0, 12)}: changes lib/a, which the line takes back`);
  });
});
