/** The order of reading: what lifts most for each line comes first, and no other order is ahead of it. */
import type { PrincipalName } from "@firstmile/trust/policy/names";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupQueue, type QueuedWork } from "../../src/reviewing/queue.ts";
import { linesUntil, readingOrder } from "../../src/reviewing/reading-order.ts";

interface Sketch {
  readonly lines: number;
  readonly whole: number;
  readonly files?: number;
  readonly readers?: number;
}

function queued({ lines, whole, files = 1, readers = 1 }: Sketch): QueuedWork {
  const names = ["alice", "bob", "carol"].slice(0, readers) as PrincipalName[];
  const work = { lines, wholeLines: whole, files: new Array(files).fill({}), before: undefined };
  return {
    work,
    rule: undefined,
    have: [],
    wrote: [],
    left: names,
    completions: readers ? [names] : [],
  } as never;
}

const order = (...sketches: readonly Sketch[]) =>
  readingOrder(sketches.map(queued), 0).map(({ lines, read, covered }) => [lines, read, covered]);

describe("what comes first", () => {
  test("a short change of a long file, before a file that is read whole", () => {
    expect(order({ lines: 10, whole: 10 }, { lines: 2, whole: 500 })).toEqual([
      [2, 2, 500],
      [10, 12, 510],
    ]);
  });

  test("of what lifts alike the shortest; what costs nothing before all", () => {
    expect(
      order({ lines: 9, whole: 9 }, { lines: 0, whole: 3 }, { lines: 1, whole: 1 }).map(([lines]) => lines),
    ).toEqual([0, 1, 9]);
  });

  test("what is the same at many places, and what takes one reader before what takes two", () => {
    expect(order({ lines: 10, whole: 10 }, { lines: 10, whole: 10, files: 3 }).at(0)).toEqual([10, 10, 30]);
    expect(order({ lines: 10, whole: 10, readers: 2 }, { lines: 10, whole: 10 })).toEqual([
      [10, 10, 10],
      [20, 30, 20],
    ]);
  });

  test("what nobody is left for is in no order", () => {
    expect(order({ lines: 1, whole: 1, readers: 0 })).toEqual([]);
  });

  test("each step lifts no less for each line than the next, and in the end all is lifted", () => {
    const sketch = fc.record({ lines: fc.nat(20), whole: fc.nat(60), readers: fc.constantFrom(1, 2) });
    fc.assert(
      fc.property(fc.array(sketch, { minLength: 1, maxLength: 8 }), (sketches) => {
        const steps = readingOrder(sketches.map(queued), 0);
        // Each step lifts no less for its lines than the next one does.
        const gains = steps.map((step, i) => ({
          lines: step.lines,
          lifts: step.covered - (steps[i - 1]?.covered ?? 0),
        }));
        for (const [i, next] of gains.slice(1).entries()) {
          const step = gains[i]!;
          expect(step.lifts * next.lines).toBeGreaterThanOrEqual(next.lifts * step.lines);
        }
        expect(steps.at(-1)!.covered).toBe(sketches.reduce((sum, { whole }) => sum + whole, 0));
      }),
    );
  });
});

describe("how many lines until", () => {
  const steps = readingOrder([queued({ lines: 1, whole: 60 }), queued({ lines: 30, whole: 30 })], 10);

  test.each([
    [10, 0],
    [50, 1],
    [70, 1],
    [71, 31],
    [100, 31],
  ])("%s %%", (percent, lines) => {
    expect(linesUntil(steps, { covered: 10, all: 100 }, percent)).toBe(lines);
  });

  test("what is not reached by reading, and what is all there is", () => {
    expect(linesUntil(steps, { covered: 10, all: 101 }, 100)).toBeUndefined();
    expect(linesUntil([], { covered: 0, all: 0 }, 100)).toBe(0);
  });
});

test("a queue is grouped by rule in the policy's order, and then by people", () => {
  const of = (line: number, readers: number) => ({
    ...queued({ lines: 1, whole: 1, readers }),
    rule: { line } as never,
  });
  const groups = groupQueue([of(20, 1), of(10, 1), of(20, 2), of(20, 1)]);
  expect(groups.map(({ rule, queue }) => [rule?.line, queue.length])).toEqual([
    [10, 1],
    [20, 2],
    [20, 1],
  ]);
});
