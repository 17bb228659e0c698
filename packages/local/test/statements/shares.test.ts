/** Places beside each other: what one is filled with takes no room from another. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { envelopeName, STATEMENTS_REF, type StatementPlace } from "@firstmile/local/statements/place";
import { readStatements } from "@firstmile/local/statements/read";
import { makeWorld, type World } from "@firstmile/testing/world";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const ROOM = { files: 40, bytes: 1 << 20 };

function envelope(word: string): Uint8Array {
  return renderEnvelope({
    payloadType: "text/plain",
    payload: Buffer.from(word),
    signatures: [{ keyid: undefined, sig: Uint8Array.of(1) }],
  });
}

const words = (place: string, count: number) => Array.from({ length: count }, (_, i) => `${place} ${i}`);
const files = (all: readonly string[]) =>
  Object.fromEntries(all.map((word, i) => [`${i}.json`, envelope(word)]));

function directory(all: readonly string[], first?: true): StatementPlace {
  const path = world.fresh("place");
  mkdirSync(path);
  for (const [name, content] of Object.entries(files(all))) writeFileSync(join(path, name), content);
  return { kind: "directory", path, ...(first ? { first } : {}) };
}

/** How many of each place's own words were heard. */
async function heard(places: readonly StatementPlace[], said: readonly (readonly string[])[]) {
  const { found, incomplete } = await readStatements(places, ROOM);
  const names = new Set(found.map(({ name }) => name));
  return {
    counts: said.map((all) => all.filter((word) => names.has(envelopeName(envelope(word)))).length),
    incomplete,
  };
}

test("the place of those who make the rules is read whole, wherever it stands in the list", async () => {
  const said = [words("flood", 100), words("own", 30), words("team", 5)];
  const places = [directory(said[0]!), directory(said[1]!, true), directory(said[2]!)];
  const { counts, incomplete } = await heard(places, said);
  expect(counts).toEqual([5, 30, 5]);
  expect(incomplete).toEqual([(places[0] as { path: string }).path]);
});

test("each place has its part, and what one does not need is left to those after it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(60), { minLength: 1, maxLength: 5 }), async (sizes) => {
      const said = sizes.map((size, i) => words(`${i}`, size));
      const { counts, incomplete } = await heard(
        said.map((all) => directory(all)),
        said,
      );
      const part = Math.floor(ROOM.files / sizes.length);
      for (const [i, count] of counts.entries())
        expect(count).toBeGreaterThanOrEqual(Math.min(sizes[i]!, part));
      expect(counts.reduce((a, b) => a + b)).toBeLessThanOrEqual(ROOM.files);
      expect(incomplete.length).toBe(sizes.filter((size, i) => counts[i]! < size).length);
    }),
    { numRuns: 15 },
  );
}, 60_000);

test("bytes are shared as numbers are", async () => {
  const large = words("large", 20).map((word) => word.padEnd(60_000, "."));
  const said = [large, words("small", 10)];
  const { counts, incomplete } = await heard([directory(said[0]!), directory(said[1]!)], said);
  expect(counts[0]).toBeLessThan(10);
  expect(counts[1]).toBe(10);
  expect(incomplete.length).toBe(1);
});

test("mirrors of one repository are places of their own, with any number of references", async () => {
  const repository = await world.repository("mirrored");
  const put = (ref: string, all: readonly string[]) =>
    repository
      .commit({ branch: `b${ref.replaceAll("/", "-")}`, files: files(all), whole: true })
      .then((id) => {
        repository.ref(`${STATEMENTS_REF}/${ref}`, id);
      });
  const said = [words("flood", 50), words("honest", 5)];
  for (const i of [0, 1, 2]) await put(`mirror-0/${i}`, said[0]!);
  await put("mirror-1/statements", said[1]!);
  const { counts, incomplete } = await heard([{ kind: "ref", repository: repository.dir }], said);
  expect(counts).toEqual([20, 5]);
  expect(incomplete).toEqual([`${repository.dir} ${STATEMENTS_REF}/mirror-0`]);
});

test("a place that cannot be read is told", async () => {
  const missing = world.fresh("missing");
  const { counts, incomplete } = await heard(
    [{ kind: "directory", path: missing }, directory(words("team", 3))],
    [words("team", 3)],
  );
  expect(counts).toEqual([3]);
  expect(incomplete).toEqual([missing]);
});
