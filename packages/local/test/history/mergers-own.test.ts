/**
 * What a merge itself changes, beside Git on random histories: once with all paths, and once for each path on a history
 * that has no other one. Contents go from path to path, so that Git finds renames everywhere.
 */
import { latin1 } from "@firstmile/formats/bytes/text";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import { makeWorld, type World } from "@firstmile/testing/world";
import { type Changes, gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import type { TreeReader } from "@firstmile/trust/history/trees";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HashedReader } from "../../src/evidence/hashed-reader.ts";
import { MergersOwn } from "../../src/evidence/mergers-own.ts";
import { HashedObjects } from "../../src/git/hashed-objects.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { run } from "../../src/process/run.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

async function ownOf(
  repository: WorldRepository,
  parents: readonly CommitId[],
  tree: ObjectId,
): Promise<string[]> {
  const git = await neutralGit(repository.dir);
  const hashed = new HashedObjects(git);
  using objects = new GitObjects({ ...hashed.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: git.objects });
  const reader = new HashedReader(objects, hashed);
  const drive = async <Result>(walk: TreeReader<Result>): Promise<Result> => {
    let step = walk.next();
    while (!step.done) {
      const entries = parseTree((await objects.get(step.value))!.content, 20);
      step = walk.next(new Map(entries.map((entry) => [latin1(entry.name), entry])));
    }
    return step.value;
  };
  const treeOf = async (id: CommitId) => (await reader.commit(id)).tree;
  try {
    const own = new MergersOwn({ reader, hashed, knownBases: () => undefined }, { treeOf, drive }, (work) =>
      work(),
    );
    return [...(await own.of({ parents, tree })).paths].sort();
  } finally {
    git.dispose();
  }
}

/** Paths where Git's merge of two commits is not what a third one has, with those in conflict. */
async function differing(
  repository: WorldRepository,
  [a, b]: readonly CommitId[],
  made: CommitId,
): Promise<string[]> {
  const git = (...args: string[]) => run("git", ["-C", repository.dir, ...args], { env: gitEnv() });
  const flags = ["--write-tree", "--no-messages", "--name-only", "-z", "--allow-unrelated-histories"];
  const [tree, ...conflicts] = (await git("merge-tree", ...flags, a!, b!)).stdout
    .toString()
    .split("\0")
    .filter(Boolean);
  const changed = await git("diff-tree", "-r", "-z", "--no-renames", "--name-only", tree!, made);
  return [...new Set([...changed.stdout.toString().split("\0").filter(Boolean), ...conflicts])];
}

/** Whether two commits have one base, and a merge has each path as that side has it that alone changed it. */
async function isOfWholeFiles(repository: WorldRepository, parents: readonly CommitId[], made: CommitId) {
  const git = (...args: string[]) => run("git", ["-C", repository.dir, ...args], { env: gitEnv() });
  const bases = (await git("merge-base", "--all", ...parents)).stdout.toString().split("\n").filter(Boolean);
  if (bases.length !== 1) return false;
  const listed = [bases[0]!, ...parents, made].map(async (id) => {
    const lines = (await git("ls-tree", "-r", "-z", id)).stdout.toString().split("\0").filter(Boolean);
    return new Map(lines.map((line) => line.split("\t").reverse() as [string, string]));
  });
  const trees = await Promise.all(listed);
  return [...new Set(trees.flatMap((tree) => [...tree.keys()]))].every((path) => {
    const [base, ours, theirs, result] = trees.map((tree) => tree.get(path));
    if (ours === theirs || base === theirs) return result === ours;
    return base === ours && result === theirs;
  });
}

const LINES = Array.from({ length: 8 }, (_, i) => `line ${i}`);
const text = fc
  .tuple(fc.constantFrom(0, 3, 7), fc.constantFrom("line", "A", "B"))
  .map(([at, word]) => `${LINES.with(at, `${word} ${at}`).join("\n")}\n`);
const file = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 1, arbitrary: text.map((content) => ({ mode: 0o100755, content })) },
);
const PATHS = ["a", "b", "d/x", "d/y"] as const;
const files: fc.Arbitrary<Changes> = fc.dictionary(
  fc.constantFrom(...PATHS),
  fc.oneof({ weight: 3, arbitrary: file }, { weight: 2, arbitrary: fc.constant(null) }),
  { maxKeys: 3 },
);
/** Parents as distances back: a fork, a criss-cross, one above another, a root of its own. */
const shapes = fc.constantFrom(
  [[], [1], [2]],
  [[], [1], [2], [2, 1], [2, 3], [2], [2]],
  [[], [1], [2, 1]],
  [[], [1], []],
  [[], [1], [2], [1, 2], [2]],
);

/** What the first commits change: a file that others can be taken for, and one that none can. */
const FIRST: Changes = { a: `${LINES.join("\n")}\n`, "d/x": "other\n" };

/** Each commit with its parents and all that it has. */
interface Planned {
  readonly parents: readonly number[];
  readonly files: Changes;
}

function planned(
  shape: readonly (readonly number[])[],
  changes: readonly Changes[],
  moves: readonly (readonly [string, string])[],
): Planned[] {
  const all: Planned[] = [];
  for (const [i, back] of shape.entries()) {
    const parents = back.map((distance) => i - distance);
    const before = all[parents[0] ?? -1]?.files ?? FIRST;
    const [from, to] = moves[i]!;
    const moved = from in before ? { [from]: null, [to]: before[from]! } : changes[i];
    const whole = { ...before, ...moved };
    all.push({ parents, files: Object.fromEntries(Object.entries(whole).filter(([, one]) => one !== null)) });
  }
  return all;
}

async function play(
  repository: WorldRepository,
  plan: readonly Planned[],
  paths: readonly string[],
): Promise<CommitId[]> {
  const ids: CommitId[] = [];
  for (const [i, { parents, files: all }] of plan.entries()) {
    const some = Object.fromEntries(Object.entries(all).filter(([path]) => paths.includes(path)));
    const of = parents.map((parent) => ids[parent]!);
    ids.push(await repository.commit({ parents: of, whole: true, files: some, message: `${i}\n` }));
  }
  return ids;
}

test("a path is the merge's own where Git merges it otherwise, with the others or without", async () => {
  const seen = { clean: 0, own: 0, carried: 0 };
  const told = fc.tuple(
    shapes,
    fc.array(files, { minLength: 9, maxLength: 9 }),
    fc.array(fc.tuple(fc.constantFrom("a", "a", ...PATHS, "-", "-"), fc.constantFrom(...PATHS)), {
      minLength: 9,
      maxLength: 9,
    }),
    fc.option(files, { freq: 2 }),
  );
  await fc.assert(
    fc.asyncProperty(told, async ([shape, changes, moves, more]) => {
      const repository = await world.repository("own");
      const plan = planned(shape, changes, moves);
      const ids = await play(repository, plan, PATHS);
      const parents = [ids.at(-1)!, ids.at(-2)!] as const;
      const merge = await repository.merge({ parents, ...(more ? { files: more } : {}) });
      const listed = await repository.git("ls-tree", "-r", "-z", "--name-only", merge);
      const tree = (await repository.git("rev-parse", `${merge}^{tree}`)) as ObjectId;
      const expected = new Set(await differing(repository, parents, merge));
      const beyond = expected.size;
      for (const path of new Set([...PATHS, ...listed.split("\0").filter(Boolean)])) {
        const alone = await play(repository, plan, [path]);
        const [mode, , id] = (await repository.git("ls-tree", merge, path)).split(/[ \t]/);
        const raw =
          id && (await run("git", ["-C", repository.dir, "cat-file", "blob", id], { env: gitEnv() }));
        const only: Changes = raw
          ? { [path]: { mode: Number.parseInt(mode!, 8), content: raw.stdout.toString() } }
          : {};
        const made = await repository.commit({ parents: [], whole: true, files: only, message: "made\n" });
        for (const one of await differing(repository, [alone.at(-1)!, alone.at(-2)!], made))
          expected.add(one);
      }
      if (await isOfWholeFiles(repository, parents, merge)) expected.clear();
      expect(await ownOf(repository, parents, tree)).toEqual([...expected].sort());
      if (expected.size === 0) seen.clean++;
      else seen.own++;
      if (expected.size > beyond) seen.carried++;
    }),
    { numRuns: 40, seed: 5, endOnFailure: true },
  );
  expect(Math.min(seen.clean, seen.own, seen.carried)).toBeGreaterThan(0);
}, 400_000);
