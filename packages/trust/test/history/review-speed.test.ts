/** Ten thousand changes of one path and ten thousand reviews of it: work that grows as they do. */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { ReviewStatement } from "@firstmile/formats/statement/review";
import { expect, test } from "vitest";
import { judgeReviews, type Step } from "../../src/history/review.ts";
import { NOTHING_OLD, Standing } from "../../src/history/standing.ts";
import type { PrincipalName } from "../../src/policy/names.ts";
import { compileGlob, type Glob } from "../../src/policy/paths.ts";
import type { Policy, Source } from "../../src/policy/policy.ts";
import type { Identities } from "../../src/signature/identities.ts";
import type { Fingerprint } from "../../src/signature/outcome.ts";
import { ReviewsInTime } from "../../src/statement/reviews-in-time.ts";

const BOB = "bob" as PrincipalName;
const KEY = "SHA256:bob" as Fingerprint;
const COUNT = 10_000;

const idOf = (i: number) => i.toString(16).padStart(40, "0");
const file = (i: number) => ({ id: idOf(i) as ObjectId, mode: 0o100644 });

const group = { any: 1, of: [{ kind: "principal", name: BOB }] };
const policy = { principals: new Map([[BOB, {}]]), roles: new Map() } as unknown as Policy;
const source = {
  goodlist: new Set(),
  rules: [
    {
      paths: [compileGlob("**") as Glob],
      write: group,
      review: { by: group, mergeIsReview: false, anywhere: false },
      line: 1,
    },
  ],
} as unknown as Source;

function steps(versionOf: (i: number) => number): Step[] {
  return Array.from({ length: COUNT }, (_, i) => ({
    commit: idOf(i + 1) as CommitId,
    net: [{ path: "a", before: file(versionOf(i)), after: file(versionOf(i + 1)) }],
    own: undefined,
    sides: [],
    range: new Set(["alice" as PrincipalName]),
    mergers: new Set(),
    merger: undefined,
  }));
}

function reviews(changes: readonly (readonly [number, number])[], retired: boolean): ReviewsInTime {
  const statements = changes.map(([before, after], i) => {
    const said: ReviewStatement = {
      kind: "review",
      verdict: "approve",
      depth: "read",
      machine: false,
      note: undefined,
      source: undefined,
      changes: [{ path: "a", before: file(before), after: { ...file(after), sha256: undefined } }],
    };
    const outcome = { valid: true as const, key: KEY, signingKey: KEY, validUntil: undefined };
    return { ok: true as const, statement: said, digest: `${i}`, outcomes: [outcome] };
  });
  const event = { kind: "retired" as const, key: undefined, after: [idOf(1)] };
  const identities = {
    ownerOf: new Map([[KEY, BOB]]),
    lives: retired ? new Map([[KEY, [event]]]) : new Map(),
  } as unknown as Identities;
  const standing = new Standing(identities, retired ? () => true : NOTHING_OLD);
  return new ReviewsInTime(statements, identities, standing, {
    source: undefined,
    machine: false,
    skimmed: false,
  });
}

test.each([false, true])("each read by itself; a key retired: %s", (retired) => {
  const each = Array.from({ length: COUNT }, (_, i) => [i, i + 1] as const);
  const start = performance.now();
  expect(
    judgeReviews(
      policy,
      source,
      steps((i) => i),
      reviews(each, retired),
    ),
  ).toEqual([]);
  expect(performance.now() - start).toBeLessThan(60_000);
});

test("to and fro between two versions, read ten thousand times", () => {
  const same = Array.from({ length: COUNT }, (_, i) => (i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)));
  const start = performance.now();
  expect(
    judgeReviews(
      policy,
      source,
      steps((i) => i % 2),
      reviews(same, true),
    ),
  ).toEqual([]);
  expect(performance.now() - start).toBeLessThan(60_000);
});

test("not-reviewed: nobody read any", () => {
  const start = performance.now();
  const denied = judgeReviews(
    policy,
    source,
    steps((i) => i),
    reviews([], false),
  );
  expect(denied).toHaveLength(COUNT);
  expect(denied[0]).toMatchObject({ commit: idOf(COUNT), code: "not-reviewed" });
  expect(performance.now() - start).toBeLessThan(60_000);
});
