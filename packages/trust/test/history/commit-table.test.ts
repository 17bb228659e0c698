/** A table against a plain map of the same commits, and on shapes that only an attacker makes. */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CommitTable } from "../../src/history/commit-table.ts";
import type { CommitFacts } from "../../src/history/facts.ts";
import { reachable, reachableRows } from "../../src/history/graph.ts";
import { IdIndex } from "../../src/history/id-index.ts";
import type { PrincipalName } from "../../src/policy/names.ts";
import type { Fingerprint, SignatureOutcome } from "../../src/signature/outcome.ts";

const idOf = (n: number, digits = 40) => n.toString(16).padStart(digits, "0") as CommitId;
const key = (name: string) => `SHA256:${name}` as Fingerprint;

function outcome(n: number): SignatureOutcome {
  if (n % 3 === 0) return { valid: false, code: "unsigned", message: "has no signature" };
  return { valid: true, key: key(`${n % 3}`), signingKey: key(`${n % 3}`), validUntil: undefined };
}

function commit(n: number, parents: readonly number[], digits = 40): CommitFacts {
  return {
    id: idOf(n, digits),
    tree: idOf(n + 1_000_000, digits) as ObjectId,
    parents: parents.map((parent) => idOf(parent, digits)),
    signature: outcome(n),
    wrote: n % 2 === 0 ? [] : ["alice" as PrincipalName],
  };
}

function tableOf(commits: Iterable<CommitFacts>): CommitTable {
  const table = new CommitTable();
  for (const facts of commits) table.add(facts);
  return table;
}

/** Each commit's parents, some of them outside; put in in any order. */
const history = fc
  .array(fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }), { maxLength: 60 })
  .map((shape) =>
    shape.map((back, n) =>
      commit(
        n + 10,
        back.map((distance) => n + 10 - distance),
      ),
    ),
  )
  .chain((commits) => fc.shuffledSubarray(commits, { minLength: 0 }));

describe("a table", () => {
  test.each([40, 64])("gives back what was put in, children before parents (%i digits)", (digits) => {
    fc.assert(
      fc.property(history, (commits) => {
        const wide = commits.map(({ id, parents, ...rest }) => ({
          ...rest,
          id: id.padStart(digits, "0") as CommitId,
          tree: rest.tree.padStart(digits, "0") as ObjectId,
          parents: parents.map((parent) => parent.padStart(digits, "0") as CommitId),
        }));
        const table = tableOf(wide);
        expect(table.size).toBe(wide.length);
        for (const facts of wide) expect(table.get(facts.id)).toEqual(facts);
        const order = [...table.keys()];
        expect(order.toSorted()).toEqual(wide.map(({ id }) => id).toSorted());
        const place = new Map(order.map((id, i) => [id, i]));
        for (const { id, parents } of wide) {
          for (const parent of parents) {
            if (place.has(parent)) expect(place.get(parent)).toBeGreaterThan(place.get(id)!);
            expect(table.has(parent)).toBe(place.has(parent));
          }
          expect(table.positions().get(id)).toBe(place.get(id));
        }
      }),
    );
  });

  test("reaches by rows what is reached by ids", () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 5, max: 70 }), (commits, n) => {
        const table = tableOf(commits);
        const seen = reachableRows(table, [table.row(idOf(n))]);
        const ids = [...table.childrenFirst()].filter((row) => seen[row]).map((row) => table.idAt(row));
        expect(new Set(ids)).toEqual(reachable(table, [idOf(n)]));
      }),
    );
  });

  test("keeps equal outcomes and lists of people as one object", () => {
    const table = tableOf([commit(1, []), commit(4, [1]), commit(2, [4]), commit(7, [2])]);
    const [one, four, two] = [1, 4, 2].map((n) => table.get(idOf(n))!.signature);
    expect(four).toBe(one);
    expect(two).not.toBe(one);
    expect(table.get(idOf(7))!.wrote).toBe(table.get(idOf(1))!.wrote);
    expect(table.outcomes.size).toBe(2);
  });

  test("the first facts of an id stay", () => {
    const table = tableOf([commit(1, []), { ...commit(1, [5, 6]), signature: outcome(3) }]);
    expect([...table.values()]).toEqual([commit(1, [])]);
  });

  test("knows neither what was only named as a parent nor what is no id", () => {
    const table = tableOf([commit(2, [1])]);
    expect([table.has(idOf(1)), table.has(idOf(3)), table.has("x" as CommitId)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(table.has(idOf(2, 64))).toBe(false);
    expect(table.holds(table.row(idOf(1)))).toBe(false);
    expect(table.row(idOf(3))).toBe(-1);
    expect(() => table.add(commit(3, [], 64))).toThrow(RangeError);
  });

  test("a record that is cut short is refused, whatever count of parents it states", () => {
    const table = new CommitTable();
    const found = { outcome: table.outcomes.index(outcome(0)), people: table.people.index([]) };
    expect(() => table.addBytes(new Uint8Array(60), 0, 20, 2, found)).toThrow("cut short");
    expect(table.size).toBe(0);
  });
});

describe("hostile shapes", () => {
  test("a circle comes last, each of its commits once", () => {
    const table = tableOf([commit(3, [2]), commit(2, [1]), commit(1, [2, 9])]);
    expect([...table.keys()]).toEqual([idOf(3), idOf(2), idOf(1)]);
    expect(reachableRows(table, [table.row(idOf(3))]).filter(Boolean)).toHaveLength(3);
  });

  test("the same parent twice", () => {
    const table = tableOf([commit(2, [1, 1]), commit(1, [])]);
    expect([...table.keys()]).toEqual([idOf(2), idOf(1)]);
    expect(table.get(idOf(2))!.parents).toEqual([idOf(1), idOf(1)]);
  });

  test("200,000 parents of one commit, and a line of 200,000", () => {
    const many = Array.from({ length: 200_000 }, (_, i) => i + 1);
    const wide = tableOf([commit(0, many)]);
    expect(wide.parentCount(wide.row(idOf(0)))).toBe(200_000);
    expect(wide.get(idOf(0))!.parents.at(-1)).toBe(idOf(200_000));
    expect(reachable(wide, [idOf(0)]).size).toBe(1);
    const deep = tableOf(many.map((n) => commit(n, [n - 1])));
    expect(reachableRows(deep, [deep.row(idOf(200_000))]).reduce((sum, one) => sum + one, 0)).toBe(200_000);
    expect(deep.keys().next().value).toBe(idOf(200_000));
  });

  test("memory of about a hundred bytes a commit", () => {
    const table = new CommitTable();
    const before = process.memoryUsage();
    for (let n = 1; n <= 200_000; n++) table.add(commit(n, [n - 1]));
    table.childrenFirst();
    const bytes = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    expect(bytes / 200_000).toBeLessThan(250);
  });

  test("ids that differ in one byte only are told apart, in whichever byte", () => {
    const index = new IdIndex();
    const ids = Array.from({ length: 20 * 255 }, (_, i) => {
      const bytes = Buffer.alloc(20, 7);
      bytes[i % 20]! ^= 1 + Math.floor(i / 20);
      return bytes.toString("hex");
    });
    const rows = ids.map((id) => index.intern(id));
    expect(new Set(rows).size).toBe(ids.length);
    expect(ids.map((id) => index.find(id))).toEqual(rows);
    expect(rows.map((row) => index.at(row))).toEqual(ids);
  });
});
