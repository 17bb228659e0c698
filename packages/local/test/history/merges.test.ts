/** What a merge may bring in, by each mode: the clean ones pass, whatever the merger added or dropped is theirs. */

import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import type { Changes, MergeSpec, WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
/** Writes everything, only pkgs/, only docs/. */
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

type Mode = "every-commit" | "first-parent" | "tip";

function rules(introduction: CommitId, authenticate: Mode = "every-commit"): PolicySpec {
  const paths = [
    { paths: ["**"], write: "owner" },
    { paths: ["/pkgs/"], write: "packager" },
    { paths: ["/docs/"], write: "writer" },
  ];
  return {
    people: [alice, bob, carol],
    roles: { owner: [alice], packager: [alice, bob], writer: [alice, carol] },
    sources: { pkgs: { introduction, authenticate, signedBy: "owner", rules: paths } },
  };
}

const LINES = ["one", "two", "three", "four", "five", "six", "seven", ""].join("\n");
const START: Changes = {
  "pkgs/a.nix": LINES,
  "pkgs/b.nix": "b\n",
  "docs/index.md": LINES,
  "lib.nix": "lib\n",
  "logo.bin": Buffer.from([0, 1, 2, 3]),
};

interface Fork {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly ours: CommitId;
  readonly theirs: CommitId;
}

/** Alice's introduction, then ours by alice on main and theirs by alice on a branch. */
async function fork(ours: Changes, theirs: Changes, start: Changes = START): Promise<Fork> {
  const repository = await world.repository("merges");
  const introduction = await repository.commit({ by: alice, files: start });
  const ourTip = await repository.commit({ by: alice, files: ours });
  const theirTip = await repository.commit({
    by: alice,
    files: theirs,
    branch: "side",
    parents: [introduction],
  });
  return { repository, introduction, ours: ourTip, theirs: theirTip };
}

/** Bob merges the fork, with changes of his own. */
async function merged(told: Fork, more: Partial<MergeSpec> = {}): Promise<CommitId> {
  return told.repository.merge({
    by: bob,
    parents: [told.ours, told.theirs],
    message: "Merge side\n",
    ...more,
  });
}

async function judge({ repository, introduction }: Fork, mode?: Mode) {
  return world.verify({ repository, policy: rules(introduction, mode) });
}

const lines = (change: Record<string, string>) => LINES.replace(/^\w+$/gm, (line) => change[line] ?? line);

test("a clean merge needs no writer of what it merges", async () => {
  const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
  await merged(told);
  expect(await judge(told)).toMatchObject({ allowed: true, denied: [] });
});

test("a clean merge of two changes to one file", async () => {
  const told = await fork(
    { "docs/index.md": lines({ one: "ONE" }) },
    { "docs/index.md": lines({ seven: "SEVEN" }) },
  );
  await merged(told);
  expect((await judge(told)).allowed).toBe(true);
});

test("a mode on one side and lines on the other, a removal on one side, the same change on both", async () => {
  const told = await fork(
    {
      "docs/index.md": { mode: 0o100755, content: LINES },
      "logo.bin": null,
      "lib.nix": "new\n",
      both: "1\n",
    },
    { "docs/index.md": lines({ one: "ONE" }), "lib.nix": "new\n", both: "1\n" },
  );
  await merged(told);
  expect(offences(await judge(told))).toEqual([]);
});

test("a rename on one side and an edit on the other are for a writer of both names to merge", async () => {
  const rename = { "docs/index.md": null, "docs/home.md": LINES };
  const told = await fork(rename, { "docs/index.md": lines({ one: "ONE" }) });
  await merged(told, { by: carol });
  expect(offences(await judge(told))).toEqual([]);
  const merge = await merged(told);
  const verdict = await judge(told);
  expect(offences(verdict)).toEqual(expected([merge, "merge-smuggles"]));
  const [{ message, paths, remedy } = {}] = verdict.denied;
  expect([...paths!].sort()).toEqual(["docs/home.md", "docs/index.md"]);
  expect(message).toMatch(/Git follows a rename or a copy to decide docs\/(home|index)\.md/);
  expect(remedy).toContain(`firstmile cosign REPO ${merge.slice(0, 12)}`);
  await told.repository.cosign(merge, carol);
  expect(offences(await judge(told))).toEqual([]);
});

describe("merge-smuggles", () => {
  async function smuggles(told: Fork, paths: readonly string[], more: Partial<MergeSpec> = {}) {
    const merge = await merged(told, more);
    const verdict = await judge(told);
    expect(offences(verdict)).toEqual(expected([merge, "merge-smuggles"]));
    expect([...verdict.denied[0]!.paths!].sort()).toEqual(paths);
  }

  test("a change to a file that neither side touched", async () => {
    const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
    await smuggles(told, ["logo.bin"], { files: { "logo.bin": "evil" } });
  });

  test("a change that makes a file executable", async () => {
    const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": { mode: 0o100755, content: "lib 2\n" } } });
  });

  test("ours where theirs alone changed: a fix is dropped", async () => {
    const told = await fork({ "pkgs/b.nix": "b 2\n" }, { "lib.nix": "fixed\n" });
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": "lib\n" } });
  });

  test("theirs where ours alone changed", async () => {
    const told = await fork({ "lib.nix": "fixed\n" }, { "pkgs/b.nix": "b 2\n" });
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": "lib\n" } });
  });

  test("one side's lines where both sides changed other lines of a file", async () => {
    const told = await fork(
      { "docs/index.md": lines({ one: "ONE" }) },
      { "docs/index.md": lines({ seven: "FIX" }) },
    );
    await smuggles(told, ["docs/index.md"], { files: { "docs/index.md": lines({ one: "ONE" }) } });
  });

  test("a renamed file without the edit of the other side", async () => {
    const told = await fork(
      { "docs/index.md": null, "docs/home.md": LINES },
      { "docs/index.md": lines({ one: "FIX" }) },
    );
    await smuggles(told, ["docs/home.md", "docs/index.md"], { files: { "docs/home.md": LINES } });
  });

  test("a new file, also in a directory that is new", async () => {
    const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
    await smuggles(told, ["ci/run.sh", "x.nix"], { files: { "x.nix": "evil", "ci/run.sh": "evil" } });
  });

  test("a file taken away", async () => {
    const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": null } });
  });

  test("a link in place of a file", async () => {
    const told = await fork({ "pkgs/b.nix": "2\n" }, { "docs/index.md": "new\n" });
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": { mode: 0o120000, content: "/etc/passwd" } } });
  });

  test("a conflict resolved by somebody who may not write the file", async () => {
    const told = await fork({ "lib.nix": "ours\n" }, { "lib.nix": "theirs\n" });
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": "mine\n" } });
  });

  test("a conflict left with its marks is no clean merge", async () => {
    const told = await fork({ "lib.nix": "ours\n" }, { "lib.nix": "theirs\n" });
    await smuggles(told, ["lib.nix"]);
  });

  test("a binary file that both changed, silently taken from one side", async () => {
    const told = await fork({ "logo.bin": Buffer.from([0, 9]) }, { "logo.bin": Buffer.from([0, 8]) });
    await smuggles(told, ["logo.bin"]);
  });

  test("a file that one side removed and the other changed, kept", async () => {
    const told = await fork({ "lib.nix": "lib 2\n" }, { "lib.nix": null });
    await smuggles(told, ["lib.nix"]);
  });

  test("in an octopus", async () => {
    const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
    const third = await told.repository.commit({
      by: alice,
      files: { "pkgs/b.nix": "3\n" },
      branch: "third",
      parents: [told.introduction],
    });
    await smuggles(told, ["logo.bin"], {
      parents: [told.ours, told.theirs, third],
      files: { "logo.bin": "evil" },
    });
  });

  test("an octopus that brings back what the first parent fixed, from a parent that never had the fix", async () => {
    const told = await fork({ "lib.nix": "fixed\n" }, { "docs/index.md": "new\n" });
    const third = await told.repository.commit({
      by: alice,
      files: { "pkgs/b.nix": "3\n" },
      branch: "third",
      parents: [told.introduction],
    });
    await smuggles(told, ["lib.nix"], {
      parents: [told.ours, told.theirs, third],
      files: { "lib.nix": "lib\n" },
    });
  });

  test("in a criss-cross", async () => {
    const told = await crissCross();
    await smuggles(told, ["lib.nix"], { files: { "lib.nix": "evil\n" } });
  });

  test("between histories that have nothing in common", async () => {
    const told = await fork({}, {});
    const root = await told.repository.commit({
      by: alice,
      files: { "docs/z": "z" },
      branch: "other",
      parents: [],
    });
    // What is not taken from the other history does not change anything.
    await smuggles(told, ["lib.nix"], {
      parents: [told.ours, root],
      files: { "docs/z": null, "lib.nix": null },
    });
  });
});

async function crissCross(): Promise<Fork> {
  const told = await fork(
    { "docs/index.md": lines({ one: "ONE" }) },
    { "docs/index.md": lines({ seven: "SEVEN" }) },
  );
  const { repository } = told;
  const left = await repository.merge({ by: alice, parents: [told.ours, told.theirs], branch: "left" });
  const right = await repository.merge({ by: alice, parents: [told.theirs, told.ours], branch: "right" });
  const ours = await repository.commit({
    by: alice,
    branch: "left",
    parents: [left],
    files: { "lib.nix": "l\n" },
  });
  const theirs = await repository.commit({
    by: alice,
    branch: "right",
    parents: [right],
    files: { "pkgs/b.nix": "r\n" },
  });
  return { ...told, ours, theirs };
}

test("a clean criss-cross passes", async () => {
  const told = await crissCross();
  await merged(told);
  expect((await judge(told)).allowed).toBe(true);
});

test("a clean octopus passes, also where main went on meanwhile", async () => {
  const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
  const third = await told.repository.commit({
    by: alice,
    files: { "docs/more.md": "3\n" },
    branch: "third",
    parents: [told.introduction],
  });
  await merged(told, { parents: [told.ours, told.theirs, third] });
  expect(offences(await judge(told))).toEqual([]);
});

test("a conflict resolved by a writer of those paths passes", async () => {
  const told = await fork({ "pkgs/b.nix": "ours\n" }, { "pkgs/b.nix": "theirs\n" });
  await merged(told, { files: { "pkgs/b.nix": "both\n" } });
  expect((await judge(told)).allowed).toBe(true);
});

test("a merge does not vouch for what it merges", async () => {
  const told = await fork({ "lib.nix": "lib 2\n" }, { "docs/index.md": "new\n" });
  const unsigned = await told.repository.commit({
    branch: "side",
    parents: [told.theirs],
    files: { "docs/x": "x" },
  });
  await merged({ ...told, theirs: unsigned });
  expect(offences(await judge(told))).toEqual(expected([unsigned, "unsigned"]));
});

describe("outside-paths", () => {
  test("of an ordinary commit, with the paths", async () => {
    const told = await fork({}, {});
    const files = { "lib.nix": "2", "docs/index.md": null, "pkgs/b.nix": "fine" };
    const outside = await told.repository.commit({ by: bob, files });
    const verdict = await judge(told);
    expect(offences(verdict)).toEqual(expected([outside, "outside-paths"]));
    expect([...verdict.denied[0]!.paths!].sort()).toEqual(["docs/index.md", "lib.nix"]);
    expect(verdict.denied[0]).toMatchObject({ principal: "bob", key: bob.fingerprint });
  });

  test("a file whose name only looks like one below pkgs/", async () => {
    const told = await fork({}, {});
    const outside = await told.repository.commit({ by: bob, files: { "pkgs\\x.nix": "1", "pkgsx/y": "2" } });
    expect(offences(await judge(told))).toEqual(expected([outside, "outside-paths"]));
  });

  test("a directory turned into a file, and names that are no UTF-8", async () => {
    const told = await fork({}, {});
    const outside = await told.repository.commit({
      by: carol,
      files: { docs: "a file", "docs/index.md": null },
    });
    const verdict = await judge(told);
    expect(offences(verdict)).toEqual(expected([outside, "outside-paths"]));
    expect(verdict.denied[0]!.paths).toEqual(["docs"]);
  });
});

describe("first-parent", () => {
  test("a merger who may write all that a branch brings in vouches for its unsigned commits", async () => {
    const told = await fork({}, {});
    const side = await told.repository.commit({
      branch: "side",
      parents: [told.theirs],
      files: { "pkgs/b.nix": "2" },
    });
    await merged({ ...told, theirs: side });
    expect(await judge(told, "first-parent")).toMatchObject({ allowed: true, checked: 2 });
    expect(offences(await judge(told, "every-commit"))).toEqual(expected([side, "unsigned"]));
  });

  test("and needs to be a writer of all of it", async () => {
    const told = await fork({}, { "lib.nix": "signed by alice\n" });
    const merge = await merged(told);
    expect(offences(await judge(told, "first-parent"))).toEqual(expected([merge, "outside-paths"]));
  });

  test("a branch merged the wrong way round is no way from the introduction", async () => {
    const repository = await world.repository("reversed");
    const root = await repository.commit({ by: alice, files: START });
    const introduction = await repository.commit({ by: alice, files: { "lib.nix": "1" } });
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [root],
      files: { "docs/x": "x" },
    });
    const merge = await repository.merge({ by: alice, parents: [side, introduction] });
    const verdict = await world.verify({ repository, policy: rules(introduction, "first-parent") });
    expect(offences(verdict)).toEqual(expected([merge, "not-a-descendant"]));
  });
});

describe("tip", () => {
  test("the tip's signer vouches for all since the introduction", async () => {
    const told = await fork({}, {});
    await told.repository.commit({ files: { "lib.nix": "unsigned" } });
    const tip = await told.repository.commit({ by: alice, files: { "pkgs/b.nix": "2" } });
    expect(await judge(told, "tip")).toMatchObject({ allowed: true, checked: 1, commit: tip });
  });

  test("and needs to be a writer of all of it", async () => {
    const told = await fork({}, {});
    await told.repository.commit({ files: { "lib.nix": "unsigned" } });
    const tip = await told.repository.commit({ by: bob, files: { "pkgs/b.nix": "2" } });
    const verdict = await judge(told, "tip");
    expect(offences(verdict)).toEqual(expected([tip, "outside-paths"]));
    expect(verdict.denied[0]!.paths).toEqual(["lib.nix"]);
  });

  test("an unsigned tip", async () => {
    const told = await fork({}, {});
    const tip = await told.repository.commit({ files: {} });
    expect(offences(await judge(told, "tip"))).toEqual(expected([tip, "unsigned"]));
  });
});
