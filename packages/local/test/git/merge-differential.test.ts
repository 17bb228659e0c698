/** Our reading of histories and merges, side by side with Git's, on random ones. */
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { latin1 } from "@firstmile/formats/bytes/text";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import { makeWorld, type World } from "@firstmile/testing/world";
import { type Changes, gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import { mergeBases } from "@firstmile/trust/history/graph";
import {
  changedPaths,
  differingFiles,
  type Tree,
  type TreeReader,
  unexplainedByMerge,
} from "@firstmile/trust/history/trees";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { neutralGit } from "../../src/git/neutral.ts";
import { revList } from "../../src/git/rev-list.ts";
import { run } from "../../src/process/run.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Each commit's parents, as distances back. */
const dag = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }), {
  minLength: 4,
  maxLength: 14,
});

async function history(
  repository: WorldRepository,
  shape: readonly (readonly number[])[],
): Promise<Map<CommitId, CommitId[]>> {
  const parents = new Map<CommitId, CommitId[]>();
  const ids: CommitId[] = [];
  for (const [i, back] of shape.entries()) {
    const of = back.flatMap((distance) => ids[i - distance] ?? []);
    const id = await repository.commit({ parents: of, message: `${i}\n` });
    ids.push(id);
    parents.set(id, of);
  }
  return parents;
}

test("mergeBases is `git merge-base --all`", async () => {
  const repository = await world.repository("bases");
  const git = await neutralGit(repository.dir);
  let several = 0;
  await fc.assert(
    fc.asyncProperty(dag, async (shape) => {
      const parents = await history(repository, shape);
      const ids = [...parents.keys()];
      const listed = await revList(git, ids, []);
      const graph = new Map(listed.map((id) => [id, { parents: parents.get(id)! }]));
      const order = new Map(listed.map((id, i) => [id, i]));
      for (const [a, b] of [
        [ids.at(-1)!, ids.at(-2)!],
        [ids.at(-1)!, ids.at(-3)!],
        [ids.at(-2)!, ids.at(-4)!],
      ] as const) {
        const theirs = await run("git", ["-C", repository.dir, "merge-base", "--all", a, b], {
          env: gitEnv(),
        });
        const expected = theirs.stdout.toString().split("\n").filter(Boolean).sort();
        if (expected.length > 1) several++;
        expect(mergeBases(graph, order, a, b)!.toSorted()).toEqual(expected);
      }
    }),
    { numRuns: 40, seed: 1 },
  );
  expect(several).toBeGreaterThan(0);
  git.dispose();
}, 60_000);

test("what is listed where commits are missing is what is listed where they are not", async () => {
  await fc.assert(
    fc.asyncProperty(dag, async (shape) => {
      const repository = await world.repository("walk");
      const parents = await history(repository, [...shape, [1]]);
      const ids = [...parents.keys()];
      const git = await neutralGit(repository.dir);
      const whole = await revList(git, [ids.at(-1)!], [ids[1]!]);
      // A tip of its own whose parent is nowhere makes Git give up, and the walk take over.
      const lost = repository.raw(
        (await repository.content(ids[0]!)).toString().replace("\n", `\nparent ${"1".repeat(40)}\n`),
        "lost",
      );
      const walked = await revList(git, [ids.at(-1)!, lost], [ids[1]!]);
      git.dispose();
      expect(new Set(walked)).toEqual(new Set([...whole, lost]));
      const place = new Map(walked.map((id, i) => [id, i]));
      for (const id of whole)
        for (const parent of parents.get(id)!)
          if (place.has(parent)) expect(place.get(parent)!).toBeGreaterThan(place.get(id)!);
    }),
    { numRuns: 12, seed: 2 },
  );
}, 60_000);

const content = fc.constantFrom("0\n", "1\n", "2\n");
const file = fc.oneof(
  { weight: 5, arbitrary: content },
  { weight: 1, arbitrary: content.map((text) => ({ mode: 0o100755, content: text })) },
  { weight: 1, arbitrary: content.map((text) => ({ mode: 0o120000, content: text.trim() })) },
);
/** `d` is a file, or a directory, or not there. */
const files: fc.Arbitrary<Changes> = fc
  .record(
    { a: file, b: file, "c/x": file, "c/y/z": file, d: file, "e/f": file, "e/g": file },
    { requiredKeys: [] },
  )
  .chain((some) =>
    "d" in some ? fc.constantFrom(some, { ...omit(some, "d"), "d/x": some.d }) : fc.constant(some),
  )
  .map((some) =>
    Object.fromEntries(Object.entries(some).map(([path, change]) => [path, ofItsOwn(path, change)])),
  );

/** Content that says its path, so that Git has no renames to find: those are its own business, not of whole files. */
function ofItsOwn(path: string, change: unknown): Changes[string] {
  if (typeof change === "string") return `${path} ${change}`;
  const { mode, content } = change as { mode: number; content: string };
  return { mode, content: `${path} ${content}` };
}

function omit(record: object, name: string): object {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));
}

/** Base, and two sides and a result that are mostly as it is. */
const fourTrees = fc
  .tuple(files, files, files, files, fc.infiniteStream(fc.constantFrom(0, 0, 0, 1)))
  .map(([base, a, b, c, coin]) => {
    const near = (other: Changes): Changes => {
      const paths = new Set([...Object.keys(base), ...Object.keys(other)]);
      const mixed: [string, Changes[string]][] = [];
      for (const path of paths) {
        const from = coin.next().value === 1 ? other : base;
        if (path in from) mixed.push([path, from[path]!]);
      }
      const all = Object.fromEntries(mixed);
      return "d" in all ? omitted(all, "d/x") : all;
    };
    return { base, ours: near(a), theirs: near(b), other: near(c) };
  });

function omitted(record: Changes, name: string): Changes {
  return omit(record, name) as Changes;
}

function drive<Result>(repository: WorldRepository, reader: TreeReader<Result>): Result {
  let step = reader.next();
  while (!step.done) step = reader.next(readTree(repository, step.value));
  return step.value;
}

function readTree(repository: WorldRepository, id: ObjectId): Tree {
  const object = inflateSync(readFileSync(repository.objectFile(id)));
  return new Map(
    parseTree(object.subarray(object.indexOf(0) + 1), 20).map((entry) => [latin1(entry.name), entry]),
  );
}

test("unexplainedByMerge: where it finds a merge without renames clean, Git does", async () => {
  const repository = await world.repository("trees");
  const counts = { clean: 0, unclean: 0 };
  await fc.assert(
    fc.asyncProperty(fourTrees, async ({ base, ours, theirs, other }) => {
      const root = await repository.commit({ parents: [], whole: true, files: base });
      const sides = [];
      for (const side of [ours, theirs, other])
        sides.push(await repository.commit({ parents: [root], whole: true, files: side }));
      const trees = (
        await repository.git("rev-parse", ...[root, ...sides].map((id) => `${id}^{tree}`))
      ).split("\n") as ObjectId[];
      const args = [
        "-c",
        "merge.renames=false",
        "merge-tree",
        "--write-tree",
        "--no-messages",
        sides[0]!,
        sides[1]!,
      ];
      const merged = await run("git", ["-C", repository.dir, ...args], { env: gitEnv() });
      const theirResult = merged.stdout.toString().split("\n")[0] as ObjectId;
      for (const result of [theirResult, trees[1]!, trees[2]!, trees[3]!]) {
        const unexplained = drive(repository, unexplainedByMerge(trees[0], trees[1], trees[2], result));
        if (unexplained.length > 0) continue;
        expect([merged.code, theirResult]).toEqual([0, result]);
        counts.clean++;
      }
      if (merged.code === 1) counts.unclean++;
    }),
    { numRuns: 100, seed: 3 },
  );
  expect(counts.clean).toBeGreaterThan(30);
  expect(counts.unclean).toBeGreaterThan(10);
}, 60_000);

test("changedPaths and differingFiles are `git diff-tree`", async () => {
  const repository = await world.repository("diff");
  await fc.assert(
    fc.asyncProperty(fourTrees, async ({ base, ours }) => {
      const [a, b] = [
        await repository.commit({ parents: [], whole: true, files: base }),
        await repository.commit({ parents: [], whole: true, files: ours }),
      ];
      const [before, after] = (await repository.git("rev-parse", `${a}^{tree}`, `${b}^{tree}`)).split(
        "\n",
      ) as ObjectId[];
      const listed = await repository.git(
        "diff-tree",
        "-r",
        "--raw",
        "--abbrev=40",
        "--no-renames",
        before!,
        after!,
      );
      const rows = listed
        .split("\n")
        .filter(Boolean)
        .map((row) => row.split(/[ \t]/));
      expect(drive(repository, changedPaths(before, after)).toSorted()).toEqual(
        rows.map((row) => row[5]).toSorted(),
      );
      const ids = rows.flatMap((row) => [row[2]!, row[3]!]).filter((id) => !/^0+$/.test(id));
      expect(new Set<string>(drive(repository, differingFiles(before, after)))).toEqual(new Set(ids));
    }),
    { numRuns: 40, seed: 4 },
  );
}, 60_000);
