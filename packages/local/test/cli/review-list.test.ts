/** The queue of a team, the order in which it does the most, and why a file passes or does not. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "@firstmile/local/process/run";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { gitEnv } from "@firstmile/testing/world-repository";
import {
  contentTarget,
  distrustOf,
  publish,
  waiverOf,
  wholeReviewOf,
} from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHANGED, LONG, type SliceStory, sliceStory } from "../reviewing/slice-story.ts";

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

const RULES = [
  { paths: ["**"], review: "reader", waive: "root" },
  { paths: ["/lib/**"], review: { any: 2, of: ["alice", "bob", "carol"] } },
];
const TEXT = "one\ntwo\nthree\n";

/** What alice has read, and then a change, new files, and one that is waived. */
async function team(): Promise<SliceStory> {
  const people = [alice, bob, carol];
  const story = await sliceStory(
    world,
    people,
    { "a.nix": LONG, "lib/b.nix": TEXT },
    { rules: RULES, emails: true },
  );
  await story.approves(alice);
  const files = {
    "a.nix": CHANGED,
    "lib/c.nix": "c\n",
    "d.nix": LONG.replace("line 0", "line zero"),
    "e.nix": "e\n",
  };
  const commit = await story.repository.commit({ files, author: "carol" });
  const target = await contentTarget(story.repository, commit, "e.nix");
  await publish(story.repository, waiverOf({ targets: [target], until: 4_000_000_000 }), alice);
  return story;
}

const list = ({ types, repository }: SliceStory, ...args: readonly string[]) =>
  types(bob, ["review", repository.dir, "main", "--path", ".", ...args]);

describe("--list", () => {
  test("tells how much there is to read, by rule and by who is left, the smallest first", async () => {
    const story = await team();
    const { code, stdout, stderr } = await list(story, "--list");
    const commit = story.repository.tip().slice(0, 12);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`pkgs at ${commit}
  coverage 16.6 % of files, 3.3 % of lines; 1 more waived, until 2096-10-02 at the latest
  5 files to read, 19 lines
  2 names in 1 directory to read

         2  names   lib/
            2 names, not read; alice and bob have to read it

rule at line 24  **  asks for role reader
  carol had a part in it; alice or bob has to read it
         2  change  a.nix
        12  whole   d.nix
         1  whole   e.nix  waived until 2096-10-02

rule at line 28  /lib/**  asks for 2 of alice, bob, carol
  carol had a part in it; alice and bob have to read it
         1  whole   lib/c.nix
  alice has read it; bob or carol has to read it
         3  whole   lib/b.nix
`);
  });

  test("--for somebody: what their reading would count for", async () => {
    const story = await team();
    const of = async (name: string) => {
      const { stdout } = await list(story, "--list", "--for", name, "--json");
      return JSON.parse(stdout).queue.flatMap(({ paths }: { paths: string[] }) => paths);
    };
    expect(await of("carol")).toEqual(["lib/b.nix"]);
    expect(await of("alice")).toEqual(["lib/c.nix", "a.nix", "d.nix", "e.nix"]);
    expect((await list(story, "--list", "--for", "carol")).stdout).toContain(
      "1 file to read for carol, 3 lines",
    );
  });

  test("for programs, with what each change begins at", async () => {
    const story = await team();
    const { queue } = JSON.parse((await list(story, "--list", "--json")).stdout);
    expect(queue).toContainEqual(
      expect.objectContaining({
        paths: ["a.nix"],
        lines: 2,
        wholeLines: 12,
        binary: false,
        before: expect.objectContaining({ path: "a.nix", by: ["alice"] }),
        have: [],
        wrote: ["carol"],
        left: ["alice", "bob"],
        completions: [["alice"], ["bob"]],
        waivedUntil: null,
      }),
    );
  });

  test("more than fit are counted, and --all lists them", async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}.nix`, `${i}\n`]));
    const story = await sliceStory(world, [alice], files);
    const { stdout } = await list(story, "--list");
    expect(stdout.match(/\.nix$/gm)).toHaveLength(15);
    expect(stdout).toContain("and 16 more: --all");
    expect((await list(story, "--list", "--all")).stdout.match(/\.nix$/gm)).toHaveLength(30);
  });

  test("2: a repository that lacks a file", async () => {
    const story = await team();
    const { repository } = story;
    rmSync(repository.objectFile(repository.blob(repository.tip(), "d.nix")));
    const { code, stderr } = await list(story, "--list");
    expect([code, stderr]).toEqual([2, expect.stringContaining("is not in the repository")]);
  });
});

describe("--suggest", () => {
  test("tells the order, what each step comes to, and after how many lines how much is covered", async () => {
    const { code, stdout } = await list(await team(), "--suggest");
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(2)).toEqual([
      "  50 % after 6 lines, 80 % after 18 lines, 95 % after 18 lines, 100 % after 20 lines",
      "",
      "  lines  in all  covered  file",
      "      2       2   43.3 %  a.nix",
      "      1       3   46.6 %  e.nix",
      "      3       6   56.6 %  lib/b.nix",
      "     12      18   96.6 %  d.nix",
      "      2      20  100.0 %  lib/c.nix",
      "",
    ]);
  });

  test("for programs", async () => {
    const { marks, steps, lines } = JSON.parse((await list(await team(), "--suggest", "--json")).stdout);
    expect(lines).toEqual({ covered: 1, all: 30 });
    expect(marks.at(-1)).toEqual({ percent: 100, after: 20 });
    expect(steps[0]).toMatchObject({ paths: ["a.nix"], toRead: 2, read: 2, covered: 13 });
  });

  test("says when nothing is left, and when reading does not reach all of it", async () => {
    const { review, repository, ...story } = await sliceStory(world, [alice, bob], { "a.nix": LONG });
    await review(alice, "--yes");
    const nothing = await list({ review, repository, ...story }, "--suggest");
    expect(nothing.stdout).toContain("nothing is left to read");
    await repository.commit({ files: { "b.nix": "b\n" } });
    await publish(
      repository,
      await wholeReviewOf(repository, repository.tip(), ["a.nix"], { verdict: "reject" }),
      bob,
    );
    const some = await list({ review, repository, ...story }, "--suggest");
    expect(some.stdout).toContain("100 % is not reached by reading");
  });
});

describe("why", () => {
  async function why(story: SliceStory, path: string, ...args: readonly string[]) {
    const checkout = world.fresh("checkout");
    const { repository } = story;
    await runOk("git", ["clone", "--quiet", "--template=", repository.dir, checkout], { env: gitEnv() });
    const refs = "refs/firstmile/statements:refs/firstmile/statements";
    await runOk("git", ["-C", checkout, "fetch", "--quiet", repository.dir, refs], { env: gitEnv() });
    return story.types(bob, ["why", join(checkout, path), ...args]);
  }
  const rung = async (story: SliceStory, path: string) => {
    const { code, stdout } = await why(story, path, "--json");
    const { allowed, nearest } = JSON.parse(stdout);
    expect(code).toBe(allowed ? 0 : 1);
    return [allowed, nearest?.rung, nearest?.signed?.path];
  };

  test("exact and derived pass; covered in part and unknown do not", async () => {
    const story = await team();
    expect(await rung(story, "README.md")).toEqual([true, "exact", "README.md"]);
    expect(await rung(story, "a.nix")).toEqual([false, "covered", "a.nix"]);
    expect(await rung(story, "d.nix")).toEqual([false, "covered", "a.nix"]);
    expect(await rung(story, "lib/c.nix")).toEqual([false, "unknown", undefined]);
    await story.review(bob, "--yes", "--path", "a.nix");
    expect(await rung(story, "a.nix")).toEqual([true, "derived", "a.nix"]);
  });

  test("shows the signed file that it is nearest to, who read it, and the lines that differ", async () => {
    const { stdout } = await why(await team(), "d.nix");
    expect(stdout).toContain("not-covered: d.nix: role reader has not read it");
    expect(stdout.replace(/\s+/g, " ")).toContain(
      "91 % of its lines equal a.nix, which alice read; 1 hunk differs",
    );
    expect(stdout).toContain("@@ -1,4 +1,4 @@\n-line 0 of a file that somebody reads\n+line zero of a file");
  });

  test("a waiver lets it pass, and it is told that nobody has read it", async () => {
    const { code, stdout } = await why(await team(), "e.nix");
    expect(code).toBe(0);
    expect(stdout).toContain("e.nix waived until 2096-10-02 by alice");
    expect(stdout).toContain("accepted without being read, by a waiver of alice until 2096-10-02");
    expect(stdout).not.toContain("not signed");
  });

  test("distrust denies what was read, and says who and why", async () => {
    const story = await team();
    const { repository } = story;
    const target = await contentTarget(repository, repository.tip(), "README.md", "anywhere");
    const roles = { reader: [alice, bob, carol], warden: [carol] };
    const other = await sliceStory(world, [alice, bob, carol], {}, { roles });
    await publish(other.repository, distrustOf({ targets: [target], because: "it is a lie" }), carol);
    const { code, stdout } = await why(other, "README.md");
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining("README.md: carol distrusts it: it is a lie"),
    ]);
  });

  test("a file that is not committed is no file of the source", async () => {
    const story = await team();
    const checkout = world.fresh("checkout");
    await runOk("git", ["clone", "--quiet", "--template=", story.repository.dir, checkout], {
      env: gitEnv(),
    });
    await runOk("sh", ["-c", `echo x > ${checkout}/new.nix`]);
    const { code, stdout } = await story.types(bob, ["why", join(checkout, "new.nix")]);
    expect([code, stdout]).toEqual([1, expect.stringContaining("new.nix is not in commit")]);
  });
});
