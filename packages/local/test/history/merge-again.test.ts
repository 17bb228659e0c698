/** Merging from hashed bytes alone, side by side with Git in the repository itself; and what swapping and planting come to. */
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { makeWorld, type World } from "@firstmile/testing/world";
import { type Changes, gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HashedReader, UnreadableObject } from "../../src/evidence/hashed-reader.ts";
import { type MergedAgain, mergeAgain, mergeBasesOf } from "../../src/evidence/merge-again.ts";
import { HashedObjects } from "../../src/git/hashed-objects.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { run } from "../../src/process/run.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** As `ChangeReader` sets it up, without any facts at hand. `before`: what happens when all was read and hashed. */
async function merge(
  repository: WorldRepository,
  parents: readonly CommitId[],
  before: () => void = () => {},
): Promise<MergedAgain | undefined> {
  const git = await neutralGit(repository.dir);
  const hashed = new (class extends HashedObjects {
    override flush(): Promise<void> {
      before();
      return super.flush();
    }
  })(git);
  using objects = new GitObjects({ ...hashed.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: git.objects });
  const reader = new HashedReader(objects, hashed);
  try {
    return await mergeAgain({ reader, hashed, knownBases: () => undefined }, parents);
  } finally {
    git.dispose();
  }
}

async function bases(repository: WorldRepository, a: CommitId, b: CommitId): Promise<CommitId[]> {
  const git = await neutralGit(repository.dir);
  using objects = new GitObjects(git.env);
  const reader = new HashedReader(objects, new HashedObjects(git));
  try {
    return await mergeBasesOf({ reader, knownBases: () => undefined }, a, b);
  } finally {
    git.dispose();
  }
}

/** Conflicts without repetition: with marks in it, a file's content depends on what the sides are called. */
async function theirs(repository: WorldRepository, a: CommitId, b: CommitId) {
  const flags = ["--write-tree", "--no-messages", "--name-only", "-z", "--allow-unrelated-histories"];
  const made = await run("git", ["-C", repository.dir, "merge-tree", ...flags, a, b], { env: gitEnv() });
  const [tree, ...conflicts] = made.stdout.toString("latin1").split("\0").filter(Boolean);
  return { tree: made.code === 0 ? tree : undefined, conflicts };
}

const LINES = Array.from({ length: 12 }, (_, i) => `line ${i}`);
const withLine = (at: number, text: string) => LINES.with(at, text).join("\n");
/** Large enough to be found again under another name, small enough to conflict. */
const file = fc.oneof(
  fc.tuple(fc.nat(11), fc.constantFrom("A", "B", "C")).map(([at, text]) => withLine(at, text)),
  fc.constant(LINES.join("\n")),
  fc.constantFrom("short\n", "other\n"),
);
/** A change or two against the first parent. */
const files: fc.Arbitrary<Changes> = fc.dictionary(
  fc.constantFrom("a", "b", "c/x", "c/y/z", "d/x", "e/f"),
  fc.oneof({ weight: 6, arbitrary: file }, { weight: 1, arbitrary: fc.constant(null) }),
  { maxKeys: 2 },
);
/** Parents as distances back: a fork, a criss-cross, one above another, and any. */
const shapes = fc.oneof(
  fc.constant([[], [1], [2]]),
  fc.constant([[], [1], [2], [2, 1], [2, 3], [2], [2]]),
  fc.constant([[], [1], [2], [2, 1], [2, 3], [2], [2], [2, 1], [2, 3], [2], [2]]),
  fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }), {
    minLength: 4,
    maxLength: 8,
  }),
);
const START = { a: LINES.join("\n"), "c/x": withLine(5, "x"), "d/x": withLine(7, "d"), "e/f": "e\n" };
const commits = shapes.chain((shape) =>
  fc.tuple(...shape.map((back) => files.map((changes) => ({ back, files: changes })))),
);

async function history(
  repository: WorldRepository,
  shape: readonly { readonly files: Changes; readonly back: readonly number[] }[],
): Promise<CommitId[]> {
  const ids: CommitId[] = [];
  for (const [i, { files: of, back }] of shape.entries()) {
    const parents = [
      ...new Set(back.map((distance) => ids[Math.max(0, i - distance)]).filter((id) => id !== undefined)),
    ];
    const changes = parents.length === 0 ? { ...START, ...of } : of;
    ids.push(await repository.commit({ parents, files: changes, message: `${i}\n` }));
  }
  return ids;
}

test("random merges come to what Git makes of them in the repository, with its bases", async () => {
  const repository = await world.repository("again");
  const seen = { clean: 0, conflicts: 0, several: 0 };
  await fc.assert(
    fc.asyncProperty(commits, async (shape) => {
      const ids = await history(repository, shape);
      const [a, b] = [ids.at(-1)!, ids.at(-2)!];
      const printed = await run("git", ["-C", repository.dir, "merge-base", "--all", a, b], {
        env: gitEnv(),
      });
      const expectedBases = printed.stdout.toString().split("\n").filter(Boolean).sort();
      expect((await bases(repository, a, b)).sort()).toEqual(expectedBases);
      const [ours, git] = [await merge(repository, [a, b]), await theirs(repository, a, b)];
      expect(ours?.conflicts).toEqual(git.conflicts);
      if (git.tree !== undefined) expect(ours?.tree).toBe(git.tree);
      if (expectedBases.length > 1) seen.several++;
      git.tree === undefined ? seen.conflicts++ : seen.clean++;
    }),
    { numRuns: 40, seed: 8 },
  );
  expect(Math.min(seen.clean, seen.conflicts, seen.several)).toBeGreaterThan(3);
}, 120_000);

describe("a fork", () => {
  const start: Changes = {
    "docs/a": LINES.join("\n"),
    "docs/b": "b\n",
    "same/deep/x": "x\n",
    lib: withLine(3, "three"),
  };

  async function fork(ours: Changes, others: Changes, format: "sha1" | "sha256" = "sha1") {
    const repository = await world.repository("fork", format);
    const base = await repository.commit({ files: start });
    const a = await repository.commit({ files: ours, parents: [base] });
    const b = await repository.commit({ files: others, parents: [base], branch: "side" });
    return { repository, base, a, b };
  }

  test.each(["sha1", "sha256"] as const)(
    "%s: a directory renamed on one side, a file added on the other",
    async (format) => {
      const moved: Changes = { "docs/a": null, "docs/b": null, "man/a": LINES.join("\n"), "man/b": "b\n" };
      const { repository, a, b } = await fork(moved, { "docs/c": "c\n" }, format);
      const git = await theirs(repository, a, b);
      const ours = await merge(repository, [a, b]);
      expect(ours?.conflicts).toEqual(git.conflicts);
      const edited = await fork(
        { lib: null, "man/lib": withLine(3, "three") },
        { lib: withLine(9, "nine") },
        format,
      );
      const clean = await theirs(edited.repository, edited.a, edited.b);
      expect(clean.tree).toBeDefined();
      expect((await merge(edited.repository, [edited.a, edited.b]))?.tree).toBe(clean.tree);
    },
  );

  test("what is swapped or taken away once it was hashed changes nothing", async () => {
    const { repository, a, b } = await fork({ lib: withLine(0, "A") }, { lib: withLine(9, "B") });
    const git = await theirs(repository, a, b);
    const objects = join(repository.dir, "objects");
    const taken = () => {
      for (const name of readdirSync(objects)) rmSync(join(objects, name), { recursive: true });
    };
    expect(await merge(repository, [a, b], taken)).toEqual({ tree: git.tree, conflicts: [] });
    expect(existsSync(repository.objectFile(a))).toBe(false);
  });

  test.each(["base", "blob", "tree"] as const)("a planted %s is found out", async (what) => {
    const { repository, base, a, b } = await fork({ lib: withLine(0, "A") }, { lib: withLine(9, "B") });
    const id = { base, blob: `${base}:lib`, tree: `${base}^{tree}` }[what];
    const object = await repository.git("rev-parse", id);
    const kind = { base: "commit", blob: "blob", tree: "tree" }[what];
    const content = await run("git", ["-C", repository.dir, "cat-file", kind, object], { env: gitEnv() });
    const other = Buffer.concat([content.stdout, Buffer.from("\n")]);
    const path = repository.objectFile(object as CommitId);
    if (existsSync(path)) chmodSync(path, 0o644);
    writeFileSync(path, deflateSync(Buffer.concat([Buffer.from(`${kind} ${other.length}\0`), other])));
    await expect(merge(repository, [a, b])).rejects.toThrow(UnreadableObject);
  });

  test("what is missing is no clean merge", async () => {
    const { repository, base, a, b } = await fork({ lib: withLine(0, "A") }, { lib: withLine(9, "B") });
    const blob = await repository.git("rev-parse", `${base}:lib`);
    rmSync(repository.objectFile(blob as CommitId));
    await expect(merge(repository, [a, b])).rejects.toThrow(UnreadableObject);
  });

  test("what is the same on all sides is not even looked at", async () => {
    const { repository, base, a, b } = await fork({ lib: withLine(0, "A") }, { lib: withLine(9, "B") });
    const git = await theirs(repository, a, b);
    const same = await repository.git("rev-parse", `${base}:same`, `${base}:same/deep`, `${base}:docs/b`);
    for (const id of same.split("\n")) rmSync(repository.objectFile(id as CommitId));
    expect((await merge(repository, [a, b]))?.tree).toBe(git.tree);
  });

  test("dates that run backwards hide no base", async () => {
    const repository = await world.repository("dates");
    const at = (time: number) => (object: Buffer) =>
      Buffer.from(object.toString("latin1").replace(/^(committer .*> )\d+/m, `$1${time}`), "latin1");
    const root = await repository.commit({ files: start, tamper: at(2_000_000_000) });
    const left = await repository.commit({ files: { l: "l" }, parents: [root], tamper: at(10) });
    const right = await repository.commit({ files: { r: "r" }, parents: [root], tamper: at(20) });
    const a = await repository.commit({ files: {}, parents: [left, right], tamper: at(5) });
    const b = await repository.commit({ files: {}, parents: [right, left], tamper: at(1_900_000_000) });
    expect((await bases(repository, a, b)).sort()).toEqual([left, right].sort());
    expect(await bases(repository, left, a)).toEqual([left]);
  });

  test("histories that have nothing in common have no base, and merge by what each adds", async () => {
    const { repository, a } = await fork({}, {});
    const other = await repository.commit({ files: { z: "z" }, parents: [], branch: "other" });
    expect(await bases(repository, a, other)).toEqual([]);
    expect((await merge(repository, [a, other]))?.tree).toBe((await theirs(repository, a, other)).tree);
  });
});
