import { expect, test } from "vitest";
import { needsOnlyCommits } from "../../src/freshness/needs-only-commits.ts";
import { compileGlob, type Glob } from "../../src/policy/paths.ts";
import type { Group, ReviewRule, Rule } from "../../src/policy/policy.ts";

const group: Group = { any: 1, of: [] };
const rule = (review: ReviewRule | undefined, ...globs: string[]): Rule => ({
  paths: globs.map((text) => compileGlob(text) as Glob),
  write: group,
  role: undefined,
  review,
  waive: undefined,
  line: 1,
});
const review = { by: group, role: undefined, mergeIsReview: false, anywhere: false };

test.each<[string, boolean, Rule[]]>([
  ["one rule for everything", true, [rule(undefined, "**")]],
  ["one rule, everything among its globs", true, [rule(undefined, "/docs/", "**")]],
  ["one rule for a part", false, [rule(undefined, "/pkgs/")]],
  ["one rule for files at least one folder deep", false, [rule(undefined, "*/**")]],
  ["two rules", false, [rule(undefined, "**"), rule(undefined, "/docs/")]],
  ["reviews, which are bound to content", false, [rule(review, "**")]],
  ["no rule", false, []],
])("%s: %s", (_, expected, rules) => {
  expect(needsOnlyCommits({ rules })).toBe(expected);
});
