import { editDistance, nearest, quoted } from "@firstmile/trust/policy/nearest";
import { expect, test } from "vitest";

test.each<[string, string, number]>([
  ["", "abc", 3],
  ["kitten", "sitting", 3],
  ["touhc", "touch", 1],
  ["same", "same", 0],
])("from %s to %s are %i steps", (a, b, steps) => {
  expect(editDistance(a, b)).toBe(steps);
  expect(editDistance(b, a)).toBe(steps);
});

test("the nearest word is named only where it is near", () => {
  expect(nearest("emial", ["keys", "email"])).toBe("email");
  expect(nearest("zzzz", ["keys", "email"])).toBeUndefined();
  expect(nearest("e".repeat(100_000), ["e".repeat(100_000)])).toBeUndefined();
});

test("a word is quoted so that it cannot drive a terminal", () => {
  expect(quoted("a\u001b[2J\u202e\u009b")).toBe('"a\\u001b[2J\\u202e\\u009b"');
});
