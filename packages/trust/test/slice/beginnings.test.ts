/** Contents at which reading may begin: those from which a signed change counts, and no others. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Content } from "../../src/slice/approvals.ts";
import { Beginnings } from "../../src/slice/beginnings.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import { content, coverage, type Name, read, rejected, twin, wroteOf } from "./slices.ts";

const [A, B, C] = [content("a"), content("b"), content("c")];

function begins(sketch: Parameters<typeof coverage>[0], path = "a.nix"): Content[] {
  return new Beginnings(coverage(sketch))
    .at(path)
    .map(({ content: { id, mode, sha256 } }) => ({ id, mode, sha256 }));
}

describe("a content is a beginning", () => {
  test("where enough people have read it, whole or by changes", () => {
    const reviews = [read("alice", undefined, A), read("bob", A, B)];
    expect(begins({ reviews })).toEqual([A, B]);
    const found = new Beginnings(coverage({ reviews })).at("a.nix");
    expect(found.map(({ by }) => by)).toEqual([["alice"], ["bob"]]);
  });

  test.each<[string, Parameters<typeof coverage>[0]]>([
    [
      "of one person where two are asked",
      { reviews: [read("alice", undefined, A)], rules: [{ review: "readers" }] },
    ],
    ["of somebody who is not asked", { reviews: [read("mallory", undefined, A)] }],
    ["of who had a part in it", { reviews: [read("alice", undefined, A)], wrote: wroteOf(["alice", A]) }],
    ["at another path", { reviews: [read("alice", undefined, A, { path: "b.nix" })] }],
    ["for another source", { reviews: [read("alice", undefined, A, { source: "other" })] }],
    ["by a glance", { reviews: [read("alice", undefined, A, { depth: "skimmed" })] }],
    ["that somebody rejects", { reviews: [read("alice", undefined, A), rejected("bob", A)] }],
    ["from what nobody has read", { reviews: [read("alice", B, A)] }],
  ])("not by a reading %s", (_, sketch) => {
    expect(begins(sketch)).toEqual([]);
  });

  test("not where it is only published or waived: nobody has read it", () => {
    const vouched = new Map([["a.nix", { mode: A.mode, sha256: A.sha256, by: [] }]]);
    expect(begins({ reviews: [rejected("mallory", A)], vouched })).toEqual([]);
  });

  test("with `anywhere` also at another path, and for that rule alone", () => {
    const reviews = [read("alice", undefined, A, { path: "b.nix" })];
    const rules = [{}, { paths: ["/free/**"], anywhere: true }];
    const found = new Beginnings(coverage({ reviews, rules }));
    expect(found.from("free/a.nix", A)).toMatchObject({ path: "free/a.nix", by: ["alice"] });
    expect(found.from("a.nix", A)).toBeUndefined();
    expect(found.all().map(({ path }) => path)).toEqual(["b.nix"]);
  });

  test("not another content of the same SHA-1", () => {
    expect(
      new Beginnings(coverage({ reviews: [read("alice", undefined, A)] })).from("a.nix", twin(A)),
    ).toBeUndefined();
  });
});

const names = fc.constantFrom<Name>("alice", "bob", "carol", "mallory");
const one = fc.constantFrom(A, B, C, content("d"), content("a", 0o100755));
const review: fc.Arbitrary<SignedReview> = fc
  .record({
    by: fc.uniqueArray(names, { minLength: 1 }),
    before: fc.option(one, { nil: undefined }),
    after: one,
  })
  .filter(({ before, after }) => before !== after)
  .map(({ by, before, after }) => read(by, before, after));
const sketches = fc.record({
  reviews: fc.array(
    fc.oneof(
      review,
      fc.tuple(names, one).map(([name, what]) => rejected(name, what)),
    ),
    { maxLength: 10 },
  ),
  rules: fc.constantFrom(
    [{ review: "reader" }],
    [{ review: "readers" }],
    [{ review: "readers", anywhere: true }],
  ),
  parts: fc.array(fc.tuple(fc.constantFrom<Name>("alice", "bob"), one), { maxLength: 1 }),
});

describe("whatever was said", () => {
  const target = content("target");

  test("a change from a beginning passes once those who are missing have signed it", () => {
    fc.assert(
      fc.property(sketches, ({ reviews, rules, parts }) => {
        const sketch = { rules, wrote: wroteOf(...parts) };
        const before = coverage({ ...sketch, reviews });
        const missing = before.completions("a.nix", target)[0];
        for (const start of new Beginnings(before).at("a.nix")) {
          const more = read(missing as readonly Name[], start.content, target);
          const after = coverage({ ...sketch, reviews: [...reviews, more] });
          expect(after.standing("a.nix", target).kind).toBe("read");
        }
      }),
    );
  });

  test("a change from anything else is worth nothing, whoever signs it", () => {
    fc.assert(
      fc.property(sketches, one, ({ reviews, rules, parts }, start) => {
        const sketch = { rules, wrote: wroteOf(...parts) };
        const found = new Beginnings(coverage({ ...sketch, reviews }));
        fc.pre(found.from("a.nix", start) === undefined);
        const more = read(["alice", "bob", "carol"], start, target);
        const after = coverage({ ...sketch, reviews: [...reviews, more] });
        expect(after.standing("a.nix", target)).toEqual({ kind: "uncovered", have: [], ended: undefined });
      }),
    );
  });
});

describe("the people of a file", () => {
  test("who has read it, who had a part in it, and whose reading would count", () => {
    const reviews = [read(["alice", "mallory"], undefined, A)];
    const asked = coverage({ reviews, rules: [{ review: "readers" }], wrote: wroteOf(["bob", A]) });
    expect(asked.people("a.nix", A)).toEqual({ have: ["alice"], wrote: ["bob"], left: ["carol"] });
    expect(coverage({ rules: [{ paths: ["/b/**"] }] }).people("a.nix", A)).toEqual({
      have: [],
      wrote: [],
      left: [],
    });
  });

  test("what a covered content was made of", () => {
    const asked = coverage({ reviews: [read("alice", undefined, A), read("bob", A, B)] });
    expect(asked.origins("a.nix", B)).toEqual([A]);
    expect([asked.origins("a.nix", A), asked.origins("a.nix", C)]).toEqual([[], []]);
  });
});
