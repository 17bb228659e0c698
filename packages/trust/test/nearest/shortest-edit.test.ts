/** Myers' comparison against the textbook's table of longest common subsequences. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Budget, shortestEdit } from "../../src/nearest/shortest-edit.ts";

const items = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 25 })
  .map((list) => Int32Array.from(list));

function longestCommon(a: Int32Array, b: Int32Array): number {
  let above = new Array<number>(b.length + 1).fill(0);
  for (const item of a) {
    const row = [0];
    for (const [j, other] of b.entries())
      row.push(item === other ? above[j]! + 1 : Math.max(row[j]!, above[j + 1]!));
    above = row;
  }
  return above.at(-1)!;
}

test("keeps as many items as can be kept, each equal to its partner, in order", () => {
  fc.assert(
    fc.property(items, items, (a, b) => {
      const pairs = [...shortestEdit(a, b, new Budget(1e6))!.entries()].filter(([, i]) => i >= 0);
      expect(pairs).toHaveLength(longestCommon(a, b));
      for (const [at, [j, i]] of pairs.entries()) {
        expect(a[i]).toBe(b[j]);
        if (at > 0) expect(i).toBeGreaterThan(pairs[at - 1]![1]);
      }
    }),
    { numRuns: 1000 },
  );
});

test("gives up for the budget, and for too many edits", () => {
  const [zeros, ones] = [new Int32Array(400), new Int32Array(400).fill(1)];
  expect(shortestEdit(zeros.subarray(0, 50), ones.subarray(0, 50), new Budget(100))).toBeUndefined();
  expect(shortestEdit(zeros, ones, new Budget(1e9))).toBeUndefined();
  expect(shortestEdit(zeros.subarray(0, 100), ones.subarray(0, 100), new Budget(1e9))).toBeDefined();
});
