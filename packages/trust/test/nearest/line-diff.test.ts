/** Differences of lines: what is kept is equal, what is told gives the other file, and nobody makes it slow. */
import { edited, packageText, seeded } from "@firstmile/testing/package-text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hunkText } from "../../src/nearest/hunk-text.ts";
import { type LineDiff, lineDiff } from "../../src/nearest/line-diff.ts";

const file = fc
  .array(fc.constantFrom("a\n", "b\n", "c\n", "}\n", "\n", "d\r\n", "e"), { maxLength: 30 })
  .map((lines) => Buffer.from(lines.join("")));
const spell = (line: Uint8Array) => Buffer.from(line).toString("latin1");

function diffOf(before: string, after: string): LineDiff {
  return lineDiff(Buffer.from(before), Buffer.from(after))!;
}

/** Replaces each hunk's lines of the one file by those of the other. */
function applied({ before, after, hunks }: LineDiff): Buffer {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { beforeFrom, beforeTo, afterFrom, afterTo } of hunks) {
    for (; at < beforeFrom; at++) parts.push(before.at(at));
    for (let line = afterFrom; line < afterTo; line++) parts.push(after.at(line));
    at = beforeTo;
  }
  for (; at < before.count; at++) parts.push(before.at(at));
  return Buffer.concat(parts);
}

describe("lineDiff", () => {
  test("hunks make the one file of the other; kept lines are equal and ascend", () => {
    fc.assert(
      fc.property(file, file, (before, after) => {
        const diff = lineDiff(before, after)!;
        expect(applied(diff).equals(after)).toBe(true);
        const kept = [...diff.kept.entries()].filter(([, line]) => line >= 0);
        for (const [line, partner] of kept) expect(diff.after.at(line)).toEqual(diff.before.at(partner));
        expect(kept.map(([, partner]) => partner)).toEqual(kept.map(([, p]) => p).toSorted((a, b) => a - b));
        expect(diff.hunks.length === 0).toBe(before.equals(after));
      }),
    );
  });

  test("a real edit is as many hunks as there were edits, or fewer", () => {
    for (let seed = 0; seed < 50; seed++) {
      const text = packageText(seeded(seed));
      const { hunks } = diffOf(text, edited(text, 3, seeded(seed)));
      expect(hunks.length).toBeGreaterThan(0);
      expect(hunks.length).toBeLessThanOrEqual(3);
    }
  });
});

describe("made to be slow", () => {
  const shuffled = (count: number, seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: count }, () => `${Math.floor(random() * 40)}\n`).join("");
  };

  test.each([
    ["equal lines", "x\n".repeat(100_000), "x\n".repeat(60_000)],
    ["lines in turns", "x\ny\n".repeat(50_000), "y\ny\nx\n".repeat(40_000)],
    ["few lines in no order", shuffled(100_000, 1), shuffled(100_000, 2)],
    ["the other way round", ascending(50_000).join(""), ascending(50_000).toReversed().join("")],
    ["one line of 10 MB", "x".repeat(10 << 20), "y".repeat(10 << 20)],
    ["bytes that are no text", "\0\xff\n".repeat(30_000), "\xff\0".repeat(30_000)],
  ])("%s: soon, and true", (_, before, after) => {
    const start = performance.now();
    const diff = diffOf(before, after);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(applied(diff).equals(Buffer.from(after))).toBe(true);
  });

  test("files over the limits are not compared", () => {
    expect(lineDiff(Buffer.alloc((32 << 20) + 1, 0x61), Buffer.from("a"))).toBeUndefined();
    expect(lineDiff(Buffer.from("a"), Buffer.alloc(1_000_001, 0x0a))).toBeUndefined();
  });
});

function ascending(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}\n`);
}

describe("hunkText", () => {
  const numbers = ascending(20);

  test("is what diff -u prints", () => {
    const after = numbers.toSpliced(16, 1).toSpliced(3, 1, "three\n");
    expect(hunkText(diffOf(numbers.join(""), `${after.join("")}end`), { spell })).toEqual(
      [
        "@@ -1,7 +1,7 @@",
        ..." 0, 1, 2,-3,+three, 4, 5, 6".split(","),
        "@@ -14,7 +14,7 @@",
        ..." 13, 14, 15,-16, 17, 18, 19,+end".split(","),
        "\\ No newline at end of file",
      ].map((line) => line.replace(/^ {2}/, " ")),
    );
  });

  test("a file from nothing, and nothing from a file", () => {
    expect(hunkText(diffOf("", "a\n"), { spell })).toEqual(["@@ -0,0 +1 @@", "+a"]);
    expect(hunkText(diffOf("a\nb\n", ""), { spell })).toEqual(["@@ -1,2 +0,0 @@", "-a", "-b"]);
    expect(hunkText(diffOf("a\n", "a\n"), { spell })).toEqual([]);
  });

  test("is cut where it is long, and says so", () => {
    const text = hunkText(diffOf("", "x\n".repeat(5000)), { spell, most: 10 });
    expect(text).toHaveLength(11);
    expect(text.at(-1)).toBe("(and more)");
    expect(hunkText(diffOf("", "x".repeat(5000)), { spell })[1]).toBe(`+${"x".repeat(400)}…`);
  });
});
