/** What people read and what is gone since: shown with what is read next, and signed with it. */
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LONG, sliceStory } from "./slice-story.ts";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = [await world.person("alice"), await world.person("bob")];
});
afterAll(() => world[Symbol.asyncDispose]());

async function hardened() {
  const story = await sliceStory(world, [alice, bob], { "a.nix": LONG, "lib/hardening.sh": "set -eu\n" });
  await story.approves(bob);
  await story.repository.commit({
    files: { "a.nix": LONG.replace("line 5", "line five"), "lib/hardening.sh": null },
  });
  return story;
}

test("a file that went away is shown, line by line, and named as removed", { timeout: 240_000 }, async () => {
  const story = await hardened();
  const listed = await story.review(bob, "--list");
  expect(listed.stdout).toContain("1 file that people read is gone: shown with what is read next");
  expect(listed.stdout).toContain("gone    lib/hardening.sh, which bob read");
  const { code, stdout } = await story.review(bob, "--yes");
  expect(code).toBe(0);
  expect(stdout).toContain(
    "lib/hardening.sh is gone\n  bob read it: 1 line that this commit no longer has\n",
  );
  expect(stdout).toContain("deleted file mode 100644");
  expect(stdout).toContain("\n-set -eu\n");
  expect(stdout).toMatch(/approved {2}1 file, 2 lines read; .*1 file that is gone read/s);
  const removals = (await story.signed()).flatMap((one) =>
    one.kind === "review" ? one.changes.filter(({ after }) => after === undefined) : [],
  );
  expect(removals).toEqual([
    { path: "lib/hardening.sh", before: expect.objectContaining({ mode: 0o100644 }), after: undefined },
  ]);
  expect((await story.review(bob, "--list")).stdout).not.toContain("gone");
});

test("one that was moved as it is is told with where it is now", { timeout: 240_000 }, async () => {
  const story = await sliceStory(world, [bob], { "a.nix": LONG });
  await story.approves(bob);
  await story.repository.commit({ files: { "a.nix": null, "b/a.nix": LONG } });
  const { stdout } = await story.review(bob, "--yes");
  expect(stdout).toContain("a.nix is gone\n  bob read it; the same content is at b/a.nix\n");
  expect(stdout).not.toContain("deleted file mode");
});

test("only what was asked about, and no no", { timeout: 240_000 }, async () => {
  const story = await hardened();
  expect((await story.review(bob, "--list", "--path", "a.nix")).stdout).not.toContain("gone");
  const { stdout } = await story.review(bob, "--reject", "--yes", "--path", "a.nix");
  expect(stdout).not.toContain("gone");
});

test("for programs", { timeout: 240_000 }, async () => {
  const story = await hardened();
  const said = await story.review(bob, "--yes", "--json");
  expect(JSON.parse(said.stdout)).toMatchObject({
    gone: [{ path: "lib/hardening.sh", verdict: "approve", lines: 1 }],
  });
});
