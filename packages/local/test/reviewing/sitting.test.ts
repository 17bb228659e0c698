/** What is offered to be read, what is signed for it, and what that is worth. */
import { rmSync } from "node:fs";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { publish, reviewOf, wholeReviewOf } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHANGED, LONG, READ, sliceStory } from "./slice-story.ts";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("carol"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

const TWO = { paths: ["**"], review: { any: 2, of: ["alice", "bob", "carol"] } };

describe("a file is offered", () => {
  test("whole where nobody has read it, the shortest first, and signed with gpg", async () => {
    const { approves, signed } = await sliceStory(world, [bob], { "a.nix": LONG, "b.nix": "b\n" });
    const { files, before, now, statements } = await approves(bob);
    expect(files.map(({ path, lines }) => [path, lines])).toEqual([
      ["b.nix", 1],
      ["README.md", 1],
      ["a.nix", 12],
    ]);
    expect([before.open, now.open, statements.length]).toEqual([3, 0, 1]);
    const [review] = await signed();
    expect(review).toMatchObject({ kind: "review", verdict: "approve", depth: "read", machine: false });
    expect(review?.kind === "review" && review.changes.map(({ path, before: from }) => [path, from])).toEqual(
      [
        ["README.md", undefined],
        ["a.nix", undefined],
        ["b.nix", undefined],
      ],
    );
  });

  test("as a change from what was read at its path", async () => {
    const { repository, approves, review } = await sliceStory(world, [alice, bob], { "a.nix": LONG });
    const first = repository.tip();
    await approves(alice);
    await repository.commit({ files: { "a.nix": CHANGED } });
    const { stdout } = await review(bob, "--yes");
    expect(stdout).toContain("a.nix\n  2 lines differ from what alice read\n");
    expect(stdout).toContain(
      "-line 5 of a file that somebody reads\n+line five of a file that somebody reads\n",
    );
    expect(stdout).not.toContain("+line 1 of");
    const id = repository.blob(first, "a.nix");
    await repository.commit({ files: { "a.nix": CHANGED.replace("line 6", "line six") } });
    const { files } = await approves(alice);
    // From the nearest of all contents that were read there.
    expect(files).toEqual([expect.objectContaining({ path: "a.nix", lines: 2 })]);
    expect(files[0]!.before).not.toBe(id);
  });

  test("whole where the change is longer", async () => {
    const { repository, approves } = await sliceStory(world, [alice], { "a.nix": LONG });
    await approves(alice);
    await repository.commit({ files: { "a.nix": "short\n" } });
    expect((await approves(alice)).files).toEqual([
      expect.objectContaining({ path: "a.nix", lines: 1, before: null }),
    ]);
  });

  test("as a change of mode alone", async () => {
    const { repository, approves, review } = await sliceStory(world, [alice], { "a.nix": LONG });
    await approves(alice);
    await repository.commit({ files: { "a.nix": { mode: 0o100755, content: LONG } } });
    const { stdout } = await review(alice, "--yes");
    expect(stdout).toContain("only its mode differs from what alice read");
    expect(stdout).toContain("old mode 100644\nnew mode 100755\n");
  });

  test("whole where too few have read what it comes from: nobody signs on top of what is not covered", async () => {
    const people = [alice, bob, carol];
    const { repository, approves } = await sliceStory(world, people, { "a.nix": LONG }, { rules: [TWO] });
    expect((await approves(alice)).now.open).toBe(2);
    await repository.commit({ files: { "a.nix": CHANGED } });
    const { files } = await approves(bob);
    expect(files).toContainEqual(expect.objectContaining({ path: "a.nix", before: null, lines: 12 }));
  });

  test("once for all places where the same is, and signed for each", async () => {
    const files = { "a.nix": LONG, "b/a.nix": LONG, "c.nix": { mode: 0o100755, content: LONG } };
    const { review, signed } = await sliceStory(world, [alice], files);
    const { stdout } = await review(alice, "--yes", "--path", "*.nix", "--path", "b");
    expect(stdout).toContain("a.nix and 1 more of the same\n");
    expect(stdout).toContain("the same is at b/a.nix, and is signed with it");
    expect(stdout.match(/\+line 1 of/g)).toHaveLength(2);
    const [statement] = await signed();
    expect(statement?.kind === "review" && statement.changes.map(({ path }) => path)).toEqual([
      "a.nix",
      "b/a.nix",
      "c.nix",
    ]);
  });
});

describe("something like it was read at another path", () => {
  const files = { "a.nix": LONG };

  test("without `anywhere` all of it is shown, what is new is marked, and it is signed as read whole", async () => {
    const { repository, approves, review, signed } = await sliceStory(world, [alice], files);
    await approves(alice);
    await repository.commit({ files: { "b.nix": CHANGED } });
    const { stdout } = await review(alice, "--yes");
    expect(stdout.replace(/\s+/g, " ")).toContain(
      "12 lines, to be read whole: marked is what differs from a.nix, which alice read and which does not count here",
    );
    for (const line of CHANGED.trimEnd().split("\n")) expect(stdout).toContain(line);
    expect(stdout).toContain("\n line 1 of");
    expect(stdout).toContain("\n+line five of");
    expect(await signed()).toContainEqual(
      expect.objectContaining({ changes: [expect.objectContaining({ path: "b.nix", before: undefined })] }),
    );
  });

  test.each([
    ["the very same", LONG],
    ["text, and the other is binary", LONG],
  ])("%s: all of it is shown", async (what, text) => {
    const other = what.endsWith("binary") ? `${LONG}\0` : text;
    const { repository, approves, review } = await sliceStory(world, [alice], { "a.nix": other });
    await approves(alice);
    await repository.commit({ files: { "b.nix": text } });
    const { stdout } = await review(alice, "--yes");
    for (const line of text.trimEnd().split("\n")) expect(stdout).toContain(`\n+${line}`);
    expect(stdout.includes("it is what alice read at a.nix")).toBe(other === text);
  });

  test("with `anywhere` it is a change from there, and is worth nothing without what it comes from", async () => {
    const rules = [{ ...READ, anywhere: true }];
    const story = await sliceStory(world, [alice, bob], files, { rules });
    const { repository, approves, review, signed } = story;
    await approves(alice);
    const id = repository.blob(repository.tip(), "a.nix");
    const commit = await repository.commit({ files: { "b.nix": CHANGED } });
    const { stdout } = await review(bob, "--yes");
    expect(stdout).toContain("b.nix\n  2 lines differ from what alice read at a.nix\n");
    expect(await signed()).toContainEqual(
      expect.objectContaining({
        changes: [expect.objectContaining({ before: expect.objectContaining({ mode: 0o100644, id }) })],
      }),
    );
    expect((await review(alice, "--yes")).stdout).toContain("nothing to read: coverage 100.0 %");
    const against = await wholeReviewOf(repository, commit, ["a.nix"], { verdict: "reject" });
    await publish(repository, against, alice);
    const queue = JSON.parse(
      (await story.types(alice, ["review", "--list", repository.dir, "main", "--path", "b.nix", "--json"]))
        .stdout,
    );
    expect(queue.queue).toEqual([expect.objectContaining({ paths: ["b.nix"], before: null, lines: 12 })]);
  });
});

describe("evidence that does not hold", () => {
  test("a review of content that is no longer there: told, and the file is read whole", async () => {
    const { repository, approves, review } = await sliceStory(world, [alice], { "a.nix": LONG });
    const gone = repository.blob(repository.tip(), "a.nix");
    await approves(alice);
    await repository.commit({ files: { "a.nix": CHANGED } });
    rmSync(repository.objectFile(gone));
    const { code, stdout, stderr } = await review(alice, "--yes");
    expect(code).toBe(0);
    expect(stderr).toContain("alice read a.nix as it was once, and that content is no longer here");
    expect(stdout).toContain("12 lines, to be read whole");
    expect(stdout).toContain("now     coverage 100.0 % of files");
  });

  test("a statement of what never was in the repository covers nothing, and stops nothing", async () => {
    const { repository, approves } = await sliceStory(world, [alice, bob], { "a.nix": LONG });
    const other = await sliceStory(world, [alice, bob], { "a.nix": CHANGED });
    await publish(repository, await wholeReviewOf(other.repository, other.repository.tip()), bob);
    const { files } = await approves(alice);
    expect(files).toContainEqual(expect.objectContaining({ path: "a.nix", before: null, lines: 12 }));
  });

  test("a statement signed for another source: the file is still to be read, and signing it again counts", async () => {
    const { review, approves } = await sliceStory(world, [alice], { "a.nix": LONG });
    const { now } = await approves(alice, "--source", "other");
    expect(now.open).toBe(2);
    const { stdout } = await review(alice, "--yes");
    expect(stdout).toContain("2 files to read");
    expect(stdout).toContain("now     coverage 100.0 %");
  });

  test("approved and rejected by two people, or by one: rejected, and nobody is asked to read it", async () => {
    const { review, approves, repository, types } = await sliceStory(world, [alice, bob], { "a.nix": LONG });
    expect((await approves(alice)).now.open).toBe(0);
    const { code, stdout } = await review(bob, "--reject", "--path", "a.nix", "--note", "it is a trap");
    expect(code).toBe(0);
    expect(stdout).toContain("rejected  1 file");
    expect(stdout).toContain("now     coverage 0.0 %");
    const nothing = await review(alice, "--yes");
    expect([nothing.code, nothing.stdout]).toEqual([
      1,
      "there is nothing to read: coverage 50.0 % of files, 7.6 % of lines\n" +
        "1 file is rejected, distrusted or under no rule: no reading changes that\n",
    ]);
    const list = await types(alice, ["review", "--list", repository.dir, "main", "--path", "."]);
    expect(list.stdout).toContain("nothing to read\n");
    expect(list.stdout).toContain("  a.nix  rejected by bob\n");
    await review(bob, "--yes", "--path", "a.nix");
    await publish(repository, await wholeReviewOf(repository, repository.tip()), bob);
    expect((await review(alice, "--yes")).stdout).toContain("coverage 50.0 % of files");
  });

  test("a rejection holds until the content changes", async () => {
    const { repository, review, approves } = await sliceStory(world, [alice, bob], { "a.nix": LONG });
    const before = repository.tip();
    await review(bob, "--reject", "--path", "a.nix");
    const after = await repository.commit({ files: { "a.nix": CHANGED } });
    // A change from what was rejected is worth nothing.
    await publish(repository, await reviewOf(repository, before, after), alice);
    const { files } = await approves(alice);
    expect(files).toContainEqual(expect.objectContaining({ path: "a.nix", before: null, lines: 12 }));
  });
});

describe("whose reading counts", () => {
  test("not of whoever had a part in it", async () => {
    const { repository, review, types } = await sliceStory(
      world,
      [alice, bob],
      { "a.nix": LONG },
      { emails: true },
    );
    await repository.commit({ files: { "b.nix": CHANGED }, author: "alice" });
    const own = await review(alice, "--yes", "--path", "b.nix");
    expect([own.code, own.stdout]).toEqual([
      1,
      "there is nothing for you to read: coverage 0.0 % of files, 0.0 % of lines\n",
    ]);
    const { stdout } = await review(alice, "--yes");
    expect(stdout).toContain("for others to read: 1 you had a part in");
    const list = await types(bob, ["review", "--list", repository.dir, "main", "--path", "b.nix"]);
    expect(list.stdout).toContain("alice had a part in it; bob has to read it");
  });

  test("of two it takes two, and each is asked once", async () => {
    const people = [alice, bob, carol];
    const { review, approves, types, repository } = await sliceStory(world, people, {}, { rules: [TWO] });
    await approves(alice);
    const again = await review(alice, "--yes");
    expect(again.stdout).toContain("there is nothing for you to read");
    const list = await types(bob, ["review", "--list", repository.dir, "main", "--path", "."]);
    expect(list.stdout).toContain("alice has read it; bob or carol has to read it");
    expect((await approves(carol)).now.open).toBe(0);
  });

  test("not with a key that the rules do not know: told before anything is read", async () => {
    const { review } = await sliceStory(world, [alice], { "a.nix": LONG });
    const { code, stdout, stderr } = await review(carol, "--yes");
    expect(code).toBe(0);
    expect(stderr.replace(/\s+/g, " ")).toContain("the key that you sign with is nobody's by these rules");
    expect(stdout).toContain("now     coverage 0.0 %");
  });

  test.each(["--skimmed", "--machine"])("%s is said, and does not count", async (flag) => {
    const { review } = await sliceStory(world, [alice], { "a.nix": LONG });
    const { stdout } = await review(alice, "--yes", flag);
    expect(stdout).toContain("now     coverage 0.0 %");
    expect(stdout.replace(/\s+/g, " ")).toContain("this is on record, and meets none");
  });
});
