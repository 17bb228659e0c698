/** The index's answers against counting bins one by one, and its bytes against damage. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIKE, MOST_CANDIDATES, NearestIndex } from "../../src/nearest/index.ts";
import { BINS, sketchOf } from "../../src/nearest/sketch.ts";
import { SketchTable, UnusableTable } from "../../src/nearest/sketch-table.ts";

const nameOf = (number: number) => number.toString(16).padStart(64, "0");
/** Texts of few words, so that many are alike. */
const text = fc
  .array(fc.constantFrom("one", "two", "three", "four", "five;"), { maxLength: 12 })
  .map((words) => Buffer.from(words.join(" ")));

describe("query", () => {
  test("gives what counting gives, the same path first", () => {
    const file = fc.record({ text, path: fc.constantFrom("a", "b") });
    fc.assert(
      fc.property(fc.array(file, { maxLength: 40 }), text, (files, asked) => {
        const index = new NearestIndex();
        for (const [i, { text, path }] of files.entries()) index.add(nameOf(i), path, text);
        const sketch = sketchOf(asked);
        const counted = files.map(({ text, path }, i) => {
          const other = sketchOf(text);
          const equal = sketch && other ? sketch.filter((bin, at) => bin === other[at]).length : 0;
          return { sha256: nameOf(i), equal, path };
        });
        const best = counted
          .filter(({ equal }) => equal >= LIKE)
          .sort((a, b) => b.equal - a.equal || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
        expect(index.query(asked, "a")).toEqual(
          best.slice(0, MOST_CANDIDATES).map(({ sha256, equal }) => ({ sha256, equal })),
        );
      }),
    );
  });

  test("thousands that are equally like it: its own path is found among them", () => {
    const index = new NearestIndex();
    const content = Buffer.from("the very same words");
    for (let i = 0; i < 5000; i++) index.add(nameOf(i), `path/${i}`, content);
    const found = index.query(content, "path/4321");
    expect(found).toHaveLength(MOST_CANDIDATES);
    expect(found[0]).toEqual({ sha256: nameOf(4321), equal: BINS });
  });

  test("an empty file is like none, and nothing is like it", () => {
    const index = new NearestIndex();
    index.add(nameOf(1), "empty", Buffer.alloc(0));
    expect(index.has(nameOf(1))).toBe(true);
    expect(index.query(Buffer.from("words"), "empty")).toEqual([]);
    expect(index.query(Buffer.alloc(0), "empty")).toEqual([]);
  });

  test("what is no SHA-256 is not taken in", () => {
    expect(() => new NearestIndex().add("ff".repeat(20), "a", Buffer.from("a"))).toThrow(RangeError);
  });
});

describe("the table's bytes", () => {
  function table(count: number): SketchTable {
    const made = new SketchTable();
    for (let i = 0; i < count; i++) made.add(nameOf(i), i === 3 ? undefined : sketchOf(Buffer.from(`w${i}`)));
    return made;
  }

  test("come back as they were", () => {
    const bytes = table(1000).toBytes();
    const read = SketchTable.fromBytes(bytes);
    expect(read.size).toBe(1000);
    expect(read.sketch(nameOf(3))).toBeUndefined();
    expect(read.sketch(nameOf(999))).toEqual(sketchOf(Buffer.from("w999")));
    expect(read.toBytes()).toEqual(bytes);
    expect(() => read.sketch(nameOf(1000))).toThrow(RangeError);
  });

  test("any byte changed, left out or added is a refusal", () => {
    const bytes = table(5).toBytes();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= change;
        expect(() => SketchTable.fromBytes(changed)).toThrow(UnusableTable);
        expect(() => SketchTable.fromBytes(bytes.subarray(0, at))).toThrow(UnusableTable);
        expect(() => SketchTable.fromBytes(Buffer.concat([bytes, bytes.subarray(at)]))).toThrow(
          UnusableTable,
        );
      }),
    );
  });

  test.each([
    ["another version", "firstmile-sketches 1 999 0\n"],
    ["a claim of a hundred million files", "firstmile-sketches 1 1 99999999\n"],
    ["no table", "something else\n"],
  ])("%s is refused", (_, head) => {
    expect(() => SketchTable.fromBytes(Buffer.concat([Buffer.from(head), Buffer.alloc(32)]))).toThrow(
      UnusableTable,
    );
  });
});
