import type { ReviewedChange } from "@firstmile/formats/statement/review";
import { MAX_STATEMENT, parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import { draftReviews } from "@firstmile/local/reviewing/draft";
import { describe, expect, test } from "vitest";

const SAID = {
  verdict: "approve",
  depth: "read",
  machine: false,
  note: undefined,
  source: undefined,
} as const;

function removals(count: number, length = 8): ReviewedChange[] {
  const path = (i: number) => String(i).padStart(length, "0");
  const before = { id: "1".repeat(40) as never, mode: 0o100644 };
  return Array.from({ length: count }, (_, i) => ({ path: path(i), before, after: undefined }));
}

describe("draftReviews", () => {
  test.each([
    ["one", 1, 8],
    ["many", 1000, 8],
    ["more paths than one statement holds", 10_001, 6],
    ["longer paths than one statement holds", 200, 4000],
  ])("%s: each path once, in order, and every statement can be read", (_, count, length) => {
    const changes = removals(count, length);
    const drafts = draftReviews(SAID, changes);
    expect(drafts.flatMap((draft) => draft.changes)).toEqual(changes);
    for (const draft of drafts) {
      const payload = renderStatement(draft);
      expect(payload.length).toBeLessThanOrEqual(MAX_STATEMENT);
      expect(parseStatement(payload)).toEqual(draft);
    }
    expect(drafts.length > 1).toBe(count > 10_000 || length > 1000);
  });

  test.each([
    ["a path over the limit", { ...SAID }, removals(1, 4097)],
    ["a note with a control character", { ...SAID, note: "a\x1b" }, removals(1)],
    ["an empty note", { ...SAID, note: "" }, removals(1)],
    ["nothing", { ...SAID }, []],
  ])("refuses %s", (_, said, changes) => {
    expect(() => draftReviews(said, changes)).toThrow(expect.objectContaining({ name: "FormatError" }));
  });
});
