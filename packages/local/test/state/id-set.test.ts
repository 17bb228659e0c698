/** Sorted sets of ids against JavaScript's own sets. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import fc from "fast-check";
import { expect, test } from "vitest";
import { holds, withMore } from "../../src/state/id-set.ts";

/** Few distinct bytes, so that ids share beginnings and repeat. */
const ids = (width: number) =>
  fc.array(
    fc
      .array(fc.constantFrom(0, 1, 255), { minLength: width, maxLength: width })
      .map((bytes) => Buffer.from(bytes).toString("hex") as CommitId),
    { maxLength: 40 },
  );

test.each([20, 32])("holds what was put in and nothing else, sorted, each once (%i bytes)", (width) => {
  fc.assert(
    fc.property(ids(width), ids(width), ids(width), (first, second, others) => {
      const inBytes = Buffer.from(second.join(""), "hex");
      const set = withMore(withMore(Buffer.alloc(0), first, width), inBytes, width);
      const model = new Set([...first, ...second]);
      const listed = Array.from({ length: set.length / width }, (_, i) =>
        set.toString("hex", i * width, (i + 1) * width),
      );
      expect(listed).toEqual([...model].sort());
      for (const id of [...first, ...others]) {
        const bytes = Buffer.from(`ff${id}`, "hex");
        expect(holds(set, width, bytes, 1)).toBe(model.has(id));
      }
    }),
  );
});

test("200,000 ids that open alike are sorted in time", () => {
  const many = Buffer.alloc(200_000 * 20);
  for (let i = 0; i < 200_000; i++) many.writeUInt32BE((i * 2_654_435_761) >>> 0, i * 20 + 16);
  const start = performance.now();
  const set = withMore(Buffer.alloc(0), many, 20);
  expect(performance.now() - start).toBeLessThan(3000);
  expect(set.length).toBe(many.length);
  expect(holds(set, 20, many, 77 * 20)).toBe(true);
});
