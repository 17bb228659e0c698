/** What sketches keep of a text: most of it when it is edited, indented anew or given other line ends. */
import { edited, packageText, seeded } from "@firstmile/testing/package-text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIKE, NearestIndex, SAME_FILE } from "../../src/nearest/index.ts";
import { BINS, MAX_SKETCHED, sketchOf } from "../../src/nearest/sketch.ts";

function equalBins(a: string | Uint8Array, b: string | Uint8Array): number {
  const [left, right] = [sketchOf(Buffer.from(a)), sketchOf(Buffer.from(b))];
  return left!.reduce((count, bin, i) => count + Number(bin === right![i]), 0);
}

const TEXT = packageText(seeded(7));

describe("likeness", () => {
  test("indentation, tabs and line ends make no difference", () => {
    const other = TEXT.replaceAll("\n", "\r\n").replace(/^ +/gm, (space) => "\t".repeat(space.length));
    expect(equalBins(TEXT, other)).toBe(BINS);
  });

  test("a few edits leave it the same file, other files are below", () => {
    expect(equalBins(TEXT, edited(TEXT, 3, seeded(1)))).toBeGreaterThanOrEqual(SAME_FILE);
    const code = Array.from({ length: 60 }, (_, i) => `if (a${i} < b[${i}]) return call(${i}, x${i});\n`);
    expect(equalBins(TEXT, code.join(""))).toBeLessThan(LIKE);
  });

  test("a word more is seen in a file of two", () => {
    const equal = equalBins("one two three four\n", "one two three four five\n");
    expect(equal).toBeGreaterThanOrEqual(SAME_FILE);
    expect(equal).toBeLessThan(BINS);
  });
});

describe("any bytes", () => {
  test("give 64 bytes or none, and the same ones each time", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const sketch = sketchOf(bytes);
        expect(sketch?.length ?? BINS).toBe(BINS);
        expect(sketchOf(Uint8Array.from(bytes))).toEqual(sketch);
      }),
    );
  });

  test.each([
    ["empty", ""],
    ["punctuation and space alone", " {} ; \n\t()\0\0 "],
  ])("%s: no sketch", (_, text) => {
    expect(sketchOf(Buffer.from(text))).toBeUndefined();
  });

  test.each([
    ["one word of 10 MB", Buffer.alloc(10 << 20, "x")],
    ["one line of 10 MB", Buffer.alloc(10 << 20, "x{ ")],
    ["100,000 equal lines", Buffer.from("equal line;\n".repeat(100_000))],
    ["noise", Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * i * 31) >> 3))],
  ])("%s: soon", (_, bytes) => {
    const start = performance.now();
    expect(sketchOf(bytes)).toHaveLength(BINS);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("what stands behind the limit is not looked at", () => {
    const large = Buffer.alloc(MAX_SKETCHED + 64, "word ");
    const before = sketchOf(large);
    large.fill("else ", MAX_SKETCHED);
    expect(sketchOf(large)).toEqual(before);
  });
});

test("finds the file that was edited among thousands of its kind", () => {
  const random = seeded(42);
  const texts = Array.from({ length: 3000 }, () => packageText(random));
  const index = new NearestIndex();
  for (const [i, text] of texts.entries()) index.add(nameOf(i), `pkgs/${i}.nix`, Buffer.from(text));
  const asked = texts.slice(0, 100);
  const found = (edits: number) =>
    asked.filter((text, i) => {
      const [best] = index.query(Buffer.from(edited(text, edits, random)), "elsewhere");
      return best?.sha256 === nameOf(i);
    }).length;
  expect(found(3)).toBeGreaterThanOrEqual(98);
  expect(found(30)).toBeGreaterThanOrEqual(79);
});

function nameOf(number: number): string {
  return number.toString(16).padStart(64, "0");
}
