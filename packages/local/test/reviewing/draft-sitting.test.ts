/** A sitting as statements: one for each verdict, sorted, with the notes of all its files. */
import { parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import { describe, expect, test } from "vitest";
import { draftSitting, type SaidOfWork } from "../../src/reviewing/sitting.ts";

const ALL = { depth: "read", machine: false, note: undefined, source: undefined } as const;
const content = (digit: string) => ({
  mode: 0o100644,
  id: digit.repeat(40) as never,
  sha256: digit.repeat(64),
});

function said(path: string, verdict: "approve" | "reject", note?: string): SaidOfWork {
  const work = { files: [{ file: { path } }], after: content("a"), before: undefined };
  return { work: work as never, verdict, note };
}

describe("a sitting", () => {
  test("is one statement for what was approved and one for what was rejected", () => {
    const drafts = draftSitting(
      [said("b", "reject", "bad"), said("c", "approve"), said("a", "approve")],
      ALL,
    );
    expect(
      drafts.map(({ verdict, note, changes }) => [verdict, note, changes.map(({ path }) => path)]),
    ).toEqual([
      ["approve", undefined, ["a", "c"]],
      ["reject", "b: bad", ["b"]],
    ]);
    for (const draft of drafts) expect(parseStatement(renderStatement(draft))).toEqual(draft);
  });

  test("names the beginning of a change with its SHA-256", () => {
    const one = said("a", "approve");
    const before = { path: "a", by: [], content: content("b") };
    const [draft] = draftSitting([{ ...one, work: { ...one.work, before } }], ALL);
    expect(draft!.changes).toEqual([{ path: "a", before: content("b"), after: content("a") }]);
  });

  test("has a note for each file, behind the one for all", () => {
    const [draft] = draftSitting(
      [said("a", "approve", "x"), said("b", "approve"), said("c", "approve", "z")],
      {
        ...ALL,
        note: "on the train",
      },
    );
    expect(draft!.note).toBe("on the train\na: x\nc: z");
  });

  test("is more statements where one cannot hold all notes, each file once", () => {
    const many = Array.from({ length: 12 }, (_, i) => said(`f${i}`, "approve", "n".repeat(2000)));
    const drafts = draftSitting(many, ALL);
    expect(drafts.length).toBe(3);
    expect(drafts.flatMap(({ changes }) => changes).length).toBe(12);
    for (const draft of drafts) expect(parseStatement(renderStatement(draft))).toEqual(draft);
  });

  test("spells a path in a note so that it can be shown", () => {
    const [draft] = draftSitting([said("a\x1bb", "approve", "x")], ALL);
    expect(draft!.note).toBe("a\\x1bb: x");
  });
});
