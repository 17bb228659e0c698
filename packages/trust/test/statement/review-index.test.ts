/** What a review counts for: by content, and a no above a yes. */
import { type CommitId, type ObjectId, parseObjectId } from "@firstmile/formats/git/object-id";
import { narHashOf } from "@firstmile/formats/nix/hash";
import type { FileVersion, ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import type { Statement } from "@firstmile/formats/statement/statement";
import { describe, expect, test } from "vitest";
import type { PrincipalName, SourceName } from "../../src/policy/names.ts";
import type { Fingerprint, SignatureOutcome } from "../../src/signature/outcome.ts";
import { cosignaturesOf } from "../../src/statement/cosignatures.ts";
import { type ApprovalTerms, ReviewIndex, reviewsOf } from "../../src/statement/review-index.ts";

const id = (digit: string): ObjectId => parseObjectId(digit.repeat(40));
const file = (digit: string, mode = 0o100644): FileVersion => ({ id: id(digit), mode });
const after = (digit: string, sha256 = digit.repeat(64)) => ({ ...file(digit), sha256 });
const ALICE = "alice" as PrincipalName;
const BOB = "bob" as PrincipalName;

const BASE: ReviewedChange = { path: "a.nix", before: file("1"), after: after("2") };
function review(more: Partial<ReviewStatement> = {}): ReviewStatement {
  return {
    kind: "review",
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: undefined,
    changes: [BASE],
    ...more,
  };
}

const TERMS: ApprovalTerms = { source: "nixpkgs" as SourceName, machine: false, skimmed: false };
function index(reviews: readonly [ReviewStatement, ...PrincipalName[]][], terms = TERMS): ReviewIndex {
  return new ReviewIndex(
    reviews.map(([said, ...by]) => ({ review: said, by: new Set(by) })),
    terms,
  );
}

describe("approvals", () => {
  const approved = index([
    [review(), ALICE],
    [review(), BOB],
  ]);
  test("count for the change that was read", () => {
    expect(approved.approvals("a.nix", file("1"), file("2"))).toEqual(new Set([ALICE, BOB]));
  });
  test.each([
    ["at another path", "b.nix", file("1"), file("2")],
    ["from another version", "a.nix", file("3"), file("2")],
    ["from nothing", "a.nix", undefined, file("2")],
    ["to another version", "a.nix", file("1"), file("3")],
    ["to nothing", "a.nix", file("1"), undefined],
    ["the other way round", "a.nix", file("2"), file("1")],
    ["made executable", "a.nix", file("1"), file("2", 0o100755)],
    ["to another content of that SHA-1", "a.nix", file("1"), after("2", "9".repeat(64))],
  ])("do not count %s", (_, path, before, result) => {
    expect(approved.approvals(path, before, result)).toEqual(new Set());
  });
  test("count with the SHA-256 that was read", () => {
    expect(approved.approvals("a.nix", file("1"), after("2"))).toEqual(new Set([ALICE, BOB]));
  });
  test("count with the SHA-256 of what was there before, where the review gives it", () => {
    const from = (sha256?: string) => ({ ...file("1"), ...(sha256 === undefined ? {} : { sha256 }) });
    const [right, wrong] = ["1".repeat(64), "9".repeat(64)];
    const said = (before: ReturnType<typeof from>) => review({ changes: [{ ...BASE, before }] });
    const mixed = index([
      [said(from(right)), ALICE],
      [said(from(wrong)), BOB],
    ]);
    expect(mixed.approvals("a.nix", from(right), after("2"))).toEqual(new Set([ALICE]));
    expect(mixed.approvals("a.nix", from(wrong), after("2"))).toEqual(new Set([BOB]));
    expect(index([[said(from()), ALICE]]).approvals("a.nix", from(right), after("2"))).toEqual(
      new Set([ALICE]),
    );
    const gone = review({ changes: [{ path: "a.nix", before: from(wrong), after: undefined }] });
    expect(index([[gone, ALICE]]).approvals("a.nix", from(right), undefined)).toEqual(new Set());
  });
  test("count for every change of the review, and for removals by what they remove", () => {
    const removal: ReviewedChange = { path: "b.nix", before: file("4"), after: undefined };
    const both = index([[review({ changes: [BASE, removal] }), ALICE]]);
    expect(both.approvals("b.nix", file("4"), undefined)).toEqual(new Set([ALICE]));
    expect(both.approvals("b.nix", file("5"), undefined)).toEqual(new Set());
  });
  test.each<[string, Partial<ReviewStatement>, Partial<ApprovalTerms>, boolean]>([
    ["for this source", { source: "nixpkgs" }, {}, true],
    ["for another source", { source: "other" }, {}, false],
    ["for another source where none is asked about", { source: "other" }, { source: undefined }, true],
    ["by a machine", { machine: true }, {}, false],
    ["by a machine where that counts", { machine: true }, { machine: true }, true],
    ["skimmed", { depth: "skimmed" }, {}, false],
    ["skimmed where that counts", { depth: "skimmed" }, { skimmed: true }, true],
  ])("%s", (_, said, terms, counts) => {
    const approvals = index([[review(said), ALICE]], { ...TERMS, ...terms }).approvals(
      "a.nix",
      file("1"),
      file("2"),
    );
    expect(approvals.has(ALICE)).toBe(counts);
  });
});

describe("rejections", () => {
  const no = review({ verdict: "reject" });
  test("count from whichever version one comes to the content", () => {
    const rejected = index([[no, ALICE]]);
    for (const before of [file("1"), file("7"), undefined]) {
      expect(rejected.rejections("a.nix", before, file("2"))).toEqual(new Set([ALICE]));
    }
    expect(rejected.rejections("a.nix", file("1"), file("3"))).toEqual(new Set());
    expect(rejected.rejections("b.nix", file("1"), file("2"))).toEqual(new Set());
    expect(rejected.approvals("a.nix", file("1"), file("2"))).toEqual(new Set());
  });
  test("of a removal count for what it removes", () => {
    const kept = index([[review({ verdict: "reject", changes: [{ ...BASE, after: undefined }] }), ALICE]]);
    expect(kept.rejections("a.nix", file("1"), undefined)).toEqual(new Set([ALICE]));
    expect(kept.rejections("a.nix", file("2"), undefined)).toEqual(new Set());
  });
  test("are not taken back by an approval of the same person, in either order", () => {
    for (const said of [
      [review(), no],
      [no, review()],
    ]) {
      const both = index(said.map((one) => [one, ALICE]));
      expect(both.rejections("a.nix", file("1"), file("2"))).toEqual(new Set([ALICE]));
      expect(both.approvals("a.nix", file("1"), file("2"))).toEqual(new Set([ALICE]));
    }
  });
  test("count by a machine, skimmed, and for another source", () => {
    const said = review({ verdict: "reject", machine: true, depth: "skimmed", source: "other" });
    expect(index([[said, ALICE]]).rejections("a.nix", undefined, file("2"))).toEqual(new Set([ALICE]));
  });
});

const KEY = (name: string) => name as Fingerprint;
const valid = (name: string): SignatureOutcome => ({
  valid: true,
  key: KEY(name),
  signingKey: KEY(name),
  validUntil: undefined,
});
const bad = (name: string): SignatureOutcome => ({
  valid: false,
  code: "bad-signature",
  message: "",
  key: KEY(name),
});
const verified = (statement: Statement, ...outcomes: SignatureOutcome[]) => ({
  ok: true as const,
  statement,
  digest: "",
  outcomes,
});

test("people stand behind a review by valid signatures of keys that are somebody's", () => {
  const ownerOf = new Map([
    [KEY("A1"), ALICE],
    [KEY("A2"), ALICE],
    [KEY("B"), BOB],
  ]);
  const commit = id("c") as CommitId;
  const reviews = reviewsOf(
    [
      verified(review(), valid("A1"), valid("A2"), bad("B"), valid("nobody")),
      verified(review(), valid("nobody")),
      verified({ kind: "cosign", commit, narHash: undefined }, valid("B")),
    ],
    ownerOf,
  );
  expect(reviews).toEqual([{ review: review(), by: new Set([ALICE]) }]);
});

test("co-signatures of a commit come together, each with the tree that its signer saw", () => {
  const [commit, other] = [id("c") as CommitId, id("d") as CommitId];
  const narHash = narHashOf(new Uint8Array(32));
  const found = cosignaturesOf([
    verified({ kind: "cosign", commit, narHash }, valid("A1")),
    verified({ kind: "cosign", commit, narHash: undefined }, valid("B"), bad("A2")),
    verified({ kind: "head", commit: other, at: 0, source: null }, valid("B")),
  ]);
  expect([...found.keys()]).toEqual([commit]);
  expect(found.get(commit)).toEqual([
    { outcome: valid("A1"), narHash },
    { outcome: valid("B"), narHash: undefined },
    { outcome: bad("A2"), narHash: undefined },
  ]);
});

test("a hundred thousand changes are looked up in a moment", () => {
  const many = Array.from({ length: 100 }, (_, r) =>
    review({ changes: Array.from({ length: 1_000 }, (_, i) => ({ ...BASE, path: `${r}/${i}` })) }),
  );
  const start = performance.now();
  const big = index(many.map((said) => [said, ALICE]));
  for (let i = 0; i < 100_000; i++) big.approvals(`${i % 100}/${i % 1_000}`, file("1"), file("2"));
  expect(big.approvals("99/999", file("1"), file("2"))).toEqual(new Set([ALICE]));
  expect(performance.now() - start).toBeLessThan(10_000);
});
