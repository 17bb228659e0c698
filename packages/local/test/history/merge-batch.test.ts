/** Merges in one Git child, side by side with a child for each; and a merge among them that Git dies of. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { makeWorld, type World } from "@firstmile/testing/world";
import type { Changes, WorldRepository } from "@firstmile/testing/world-repository";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HashedReader } from "../../src/evidence/hashed-reader.ts";
import { type MergeSources, mergeAgain } from "../../src/evidence/merge-again.ts";
import { MergeBatches, type TwoSides } from "../../src/evidence/merge-batch.ts";
import { CorruptObjectsError, HashedObjects } from "../../src/git/hashed-objects.ts";
import { type NeutralGit, neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const LINES = Array.from({ length: 12 }, (_, i) => `line ${i}`);
const file = fc
  .tuple(fc.nat(11), fc.constantFrom("A", "B"))
  .map(([at, text]) => LINES.with(at, text).join("\n"));
/** Names with what `-z` has to keep apart; a renamed file, a removed one, one that becomes a directory. */
const changes: fc.Arbitrary<Changes> = fc
  .tuple(
    fc.dictionary(fc.constantFrom("a", "b\n1", "1", "c/0 x"), file, { minKeys: 1, maxKeys: 2 }),
    fc.constantFrom<Changes>({}, {}, { "c/y": null, moved: LINES.join("\n") }, { a: null, "a/a": "below\n" }),
  )
  .map(([some, more]) => ({ ...some, ...more }));
const START: Changes = { a: LINES.join("\n"), "c/y": LINES.join("\n"), "b\n1": "b\n" };

type Sources = MergeSources & { close(): void };
type Pair = readonly [CommitId, CommitId];

async function pairsOf(repository: WorldRepository, forks: readonly (readonly [Changes, Changes])[]) {
  const base = await repository.commit({ files: START, parents: [] });
  const pairs: Pair[] = [];
  for (const [ours, theirs] of forks) {
    const a = await repository.commit({ files: ours, parents: [base] });
    pairs.push([a, await repository.commit({ files: theirs, parents: [base] })]);
  }
  return pairs;
}

function sourcesOf(git: NeutralGit, batched: true): Sources & { readonly batches: Counting };
function sourcesOf(git: NeutralGit, batched: false): Sources;
function sourcesOf(git: NeutralGit, batched: boolean): Sources {
  const hashed = new HashedObjects(git);
  const objects = new GitObjects({ ...hashed.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: git.objects });
  const reader = new HashedReader(objects, hashed);
  const close = () => objects[Symbol.dispose]();
  const sources = { hashed, reader, close, knownBases: () => undefined };
  return batched ? { ...sources, batches: new Counting(hashed) } : sources;
}

/** Counts the children that would be one each without batches. */
class Counting extends MergeBatches {
  asked = 0;
  override merge(sides: TwoSides) {
    this.asked++;
    return super.merge(sides);
  }
}

test("merges that share a child come to what each comes to alone", async () => {
  const repository = await world.repository("batch");
  const seen = { clean: 0, conflicts: 0 };
  const forks = fc.array(fc.tuple(changes, changes), { minLength: 3, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(forks, async (told) => {
      const pairs = await pairsOf(repository, told);
      const git = await neutralGit(repository.dir);
      const [shared, single] = [sourcesOf(git, true), sourcesOf(git, false)];
      const together = await Promise.all(pairs.map((pair) => mergeAgain(shared, pair)));
      for (const [i, pair] of pairs.entries()) {
        const alone = await mergeAgain(single, pair);
        expect(together[i]?.conflicts).toEqual(alone?.conflicts);
        expect(together[i]?.tree).toBe(alone?.tree);
        alone && alone.conflicts.length > 0 ? seen.conflicts++ : seen.clean++;
      }
      expect(shared.batches.asked).toBe(pairs.length);
      for (const { close } of [shared, single]) close();
      git.dispose();
    }),
    { numRuns: 8, seed: 3 },
  );
  expect(Math.min(seen.clean, seen.conflicts)).toBeGreaterThan(3);
}, 60_000);

/** Commits that are not there. */
const LOST = { ours: "1".repeat(40) as CommitId, theirs: "2".repeat(40) as CommitId };

test("a merge that Git dies of has no answer, and takes nobody else's", async () => {
  const repository = await world.repository("broken");
  const clean: readonly [Changes, Changes] = [
    { a: LINES.with(0, "A").join("\n") },
    { a: LINES.with(9, "B").join("\n") },
  ];
  const pairs = await pairsOf(repository, [clean, [{ a: "ours\n" }, { a: "theirs\n" }]]);
  const git = await neutralGit(repository.dir);
  const sources = sourcesOf(git, true);
  const [first, none, last] = await Promise.all([
    mergeAgain(sources, pairs[0]!),
    sources.batches.merge(LOST),
    mergeAgain(sources, pairs[1]!),
  ]);
  expect(none).toBeUndefined();
  expect(first?.tree).toBeDefined();
  expect(first?.conflicts).toEqual([]);
  expect(last?.conflicts).toEqual(["a"]);
  sources.close();
  git.dispose();
});

test("objects that are not what they are said to be fail every merge that waits for them", async () => {
  const repository = await world.repository("corrupt");
  const git = await neutralGit(repository.dir);
  const { hashed, batches, close } = sourcesOf(git, true);
  hashed.add("blob", "3".repeat(40) as CommitId, Buffer.from("another\n"));
  const asked = [batches.merge(LOST), batches.merge(LOST)];
  for (const answer of await Promise.allSettled(asked)) {
    expect(answer).toMatchObject({ status: "rejected", reason: expect.any(CorruptObjectsError) });
  }
  close();
  git.dispose();
});
