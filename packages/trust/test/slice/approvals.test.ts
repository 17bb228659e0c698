/** What a file rests on: who read it, from nothing or from what was covered before. */
import { describe, expect, test } from "vitest";
import type { SignedReview } from "../../src/statement/review-index.ts";
import {
  type CaseSketch,
  content,
  coverage,
  type Name,
  type RuleSketch,
  read,
  rejected,
  twin,
  wroteOf,
} from "./slices.ts";

const [A, B, C, D] = ["a", "b", "c", "d"].map((text) => content(text)) as [
  ReturnType<typeof content>,
  ReturnType<typeof content>,
  ReturnType<typeof content>,
  ReturnType<typeof content>,
];

/** What `C` at `a.nix` comes to. */
function standing(reviews: readonly SignedReview[], rule: RuleSketch = {}, more: CaseSketch = {}) {
  return coverage({ reviews, rules: [rule], ...more }).standing("a.nix", C);
}

const readBy = (derived: boolean, ...by: readonly Name[]) => ({ kind: "read", derived, by });
const uncovered = (...have: readonly Name[]) => ({ kind: "uncovered", have, ended: undefined });

describe("by one of three", () => {
  test.each([
    ["read whole", [read("bob", undefined, C)], readBy(false, "bob")],
    [
      "a change of what was read whole",
      [read("bob", undefined, A), read("alice", A, C)],
      readBy(true, "alice"),
    ],
    [
      "changes of changes",
      [read("bob", undefined, A), read("bob", A, B), read("bob", B, C)],
      readBy(true, "bob"),
    ],
    [
      "both ways",
      [read("bob", undefined, C), read("bob", undefined, A), read("alice", A, C)],
      readBy(false, "alice", "bob"),
    ],
    ["a small change of what nobody has read", [read("bob", A, C)], uncovered()],
    ["a change of a change of what nobody has read", [read("bob", A, B), read("bob", B, C)], uncovered()],
    ["a change towards another content", [read("bob", undefined, A), read("bob", A, B)], uncovered()],
    [
      "a circle that begins nowhere",
      [read("bob", A, B), read("bob", B, A), read("bob", A, C), read("bob", C, A)],
      uncovered(),
    ],
    [
      "a circle that somebody read into",
      [read("bob", B, A), read("bob", A, B), read("bob", A, C), read("alice", undefined, B)],
      readBy(true, "bob"),
    ],
    ["somebody whom the rule does not name", [read("mallory", undefined, C)], uncovered()],
    [
      "a change of what somebody read whom the rule does not name",
      [read("mallory", undefined, A), read("bob", A, C)],
      uncovered(),
    ],
  ])("%s", (_, reviews, result) => {
    expect(standing(reviews)).toEqual(result);
  });

  test.each([
    ["a machine read it", { machine: true }],
    ["it was looked over", { depth: "skimmed" as const }],
    ["it was read for another source", { source: "other" }],
    ["it was read at another path", { path: "b.nix" }],
  ])("not where %s", (_, said) => {
    expect(standing([read("bob", undefined, C, said)])).toEqual(uncovered());
    expect(standing([read("bob", undefined, A, said), read("bob", A, C)])).toEqual(uncovered());
  });

  test("where it was read for this source", () => {
    expect(standing([read("bob", undefined, C, { source: "pkgs" })])).toEqual(readBy(false, "bob"));
  });

  test("not where what is there now is nothing", () => {
    const removal = read("bob", A, C);
    const changes = [{ path: "a.nix", before: A, after: undefined }];
    expect(standing([{ ...removal, review: { ...removal.review, changes } }])).toEqual(uncovered());
  });
});

describe("modes", () => {
  const executable = content("c", 0o100755);
  test("a file that was read is not its executable self", () => {
    expect(coverage({ reviews: [read("bob", undefined, C)] }).standing("a.nix", executable)).toEqual(
      uncovered(),
    );
  });

  test("making it executable is a change like others", () => {
    const reviews = [read("bob", undefined, C), read("alice", C, executable)];
    expect(coverage({ reviews }).standing("a.nix", executable)).toEqual(readBy(true, "alice"));
  });

  test("a link to a path is not a file that holds it", () => {
    const link = content("c", 0o120000);
    expect(coverage({ reviews: [read("bob", undefined, C)] }).standing("a.nix", link)).toEqual(uncovered());
  });
});

describe("by two of three", () => {
  const two = { review: "readers" };
  test.each([
    ["one statement of both", [read(["alice", "bob"], undefined, C)], readBy(false, "alice", "bob")],
    [
      "a statement of each",
      [read("alice", undefined, C), read("bob", undefined, C)],
      readBy(false, "alice", "bob"),
    ],
    ["one alone", [read("alice", undefined, C)], uncovered("alice")],
    [
      "one alone, twice",
      [read("alice", undefined, C), read("alice", undefined, C, { note: "again" })],
      uncovered("alice"),
    ],
    ["one of them and somebody else", [read(["alice", "mallory"], undefined, C)], uncovered("alice")],
    [
      "each over a change of their own, from what both read",
      [
        read(["alice", "bob"], undefined, A),
        read(["alice", "bob"], undefined, B),
        read("alice", A, C),
        read("bob", B, C),
      ],
      readBy(true, "alice", "bob"),
    ],
    [
      "each from what one alone read",
      [read("alice", undefined, A), read("bob", undefined, B), read("alice", A, C), read("bob", B, C)],
      uncovered(),
    ],
    [
      "one the whole, the other a change from what both read",
      [read(["alice", "carol"], undefined, A), read("bob", A, C), read("alice", undefined, C)],
      readBy(false, "alice", "bob"),
    ],
    [
      "one the whole, the other a change from what one alone read",
      [read("carol", undefined, A), read("bob", A, C), read("alice", undefined, C)],
      uncovered("alice"),
    ],
  ])("%s", (_, reviews, result) => {
    expect(standing(reviews, two)).toEqual(result);
  });
});

describe("who had a part in it", () => {
  test("does not count for it", () => {
    const wrote = wroteOf(["bob", C]);
    expect(standing([read("bob", undefined, C)], {}, { wrote })).toEqual(uncovered());
    expect(standing([read(["alice", "bob"], undefined, C)], {}, { wrote })).toEqual(readBy(false, "alice"));
    expect(standing([read(["alice", "bob"], undefined, C)], { review: "readers" }, { wrote })).toEqual(
      uncovered("alice"),
    );
  });

  test("does not count as whoever read the whole of it", () => {
    const reviews = [read("bob", undefined, C), read("alice", undefined, A), read("alice", A, C)];
    expect(standing(reviews, {}, { wrote: wroteOf(["bob", C]) })).toEqual(readBy(true, "alice"));
  });

  test("counts for what others made of it, once it is covered", () => {
    const wrote = wroteOf(["bob", A]);
    expect(standing([read("bob", undefined, A), read("bob", A, C)], {}, { wrote })).toEqual(uncovered());
    expect(standing([read("alice", undefined, A), read("bob", A, C)], {}, { wrote })).toEqual(
      readBy(true, "bob"),
    );
  });

  test("is not asked to read it", () => {
    const case_ = coverage({ wrote: wroteOf(["bob", C]) });
    expect(case_.completions("a.nix", C)).toEqual([["alice"], ["carol"]]);
  });
});

describe("what is spoken against", () => {
  test("carries nothing", () => {
    const reviews = [read("bob", undefined, A), read("bob", A, B), read("bob", B, C)];
    expect(standing([...reviews, rejected("carol", A)])).toEqual(uncovered());
    expect(standing([...reviews, rejected("carol", B)])).toEqual(uncovered());
    expect(standing([...reviews, rejected("carol", D)])).toEqual(readBy(true, "bob"));
  });

  test("leaves other ways open", () => {
    const reviews = [read("bob", undefined, A), read("bob", A, C), rejected("carol", A)];
    expect(standing([...reviews, read("bob", undefined, B), read("alice", B, C)])).toEqual(
      readBy(true, "alice"),
    );
  });
});

describe("two contents of one SHA-1", () => {
  const evil = twin(C);
  test("are told apart", () => {
    expect(standing([read("bob", undefined, evil)])).toEqual(uncovered());
    const reviews = [read("bob", undefined, C)];
    expect(coverage({ reviews }).standing("a.nix", evil)).toEqual(uncovered());
    expect(coverage({ reviews }).standing("a.nix", C)).toEqual(readBy(false, "bob"));
  });

  test("are both known by the id", () => {
    const { approvals } = coverage({ reviews: [read("bob", undefined, C), read("alice", undefined, evil)] });
    expect(
      approvals
        .named(C)
        .map(({ sha256 }) => sha256)
        .sort(),
    ).toEqual([C.sha256, evil.sha256].sort());
    expect([approvals.speaksOf(C), approvals.speaksOf(A)]).toEqual([true, false]);
  });

  test("a change of the one that was read leads on, of the other one does not", () => {
    const reviews = [read("bob", undefined, A), read("mallory", undefined, twin(A))];
    expect(standing([...reviews, read("bob", A, C)])).toEqual(readBy(true, "bob"));
    expect(standing([...reviews, read("bob", twin(A), C)])).toEqual(uncovered());
  });

  test("an old review that does not tell which one was before is taken for the one that was read", () => {
    const onward = read("bob", twin(A), C, { exact: false });
    expect(standing([read("bob", undefined, A), onward])).toEqual(readBy(true, "bob"));
    expect(standing([read("mallory", undefined, twin(A)), onward])).toEqual(uncovered());
  });
});

describe("anywhere", () => {
  const anywhere = { anywhere: true };
  test.each([
    ["read at another path", [read("bob", undefined, C, { path: "old.nix" })], readBy(false, "bob")],
    ["read for another source", [read("bob", undefined, C, { source: "other" })], readBy(false, "bob")],
    [
      "a change at one path of what was read at another",
      [read("bob", undefined, A, { path: "x" }), read("bob", A, C, { path: "y", source: "other" })],
      readBy(true, "bob"),
    ],
    [
      "a machine's, and elsewhere",
      [read("bob", undefined, C, { path: "old.nix", machine: true })],
      uncovered(),
    ],
    ["another content", [read("bob", undefined, A, { path: "old.nix" })], uncovered()],
  ])("%s", (_, reviews, result) => {
    expect(standing(reviews, anywhere)).toEqual(result);
  });

  test("what was rejected at one path is not read at another", () => {
    const reviews = [
      read("bob", undefined, C, { path: "old.nix" }),
      rejected("alice", C, { path: "old.nix" }),
    ];
    expect(standing(reviews, anywhere)).toEqual({ kind: "rejected", by: ["alice"] });
    const before = [
      read("bob", undefined, A, { path: "old.nix" }),
      read("bob", A, C),
      rejected("alice", A, { path: "x" }),
    ];
    expect(standing(before, anywhere)).toEqual(uncovered());
  });

  test("without it, a rejection is of its own path", () => {
    const reviews = [read("bob", undefined, C), rejected("alice", C, { path: "old.nix" })];
    expect(standing(reviews)).toEqual(readBy(false, "bob"));
  });
});

test("a chain of many changes is followed to its end", () => {
  const steps = Array.from({ length: 20_000 }, (_, i) => content(`${i}`));
  const reviews = steps.map((step, i) => read("bob", steps[i - 1], step));
  const case_ = coverage({ reviews });
  expect(case_.standing("a.nix", steps.at(-1)!)).toEqual(readBy(true, "bob"));
});

test("every content that an approval leads to is listed once, with its paths", () => {
  const reviews = [read("bob", undefined, C), read("alice", A, C, { path: "b" }), rejected("bob", D)];
  const listed = [...coverage({ reviews }).approvals.contents()];
  expect(listed).toEqual([{ content: C, paths: new Set(["a.nix", "b"]) }]);
});
