/** What several places serve, by table: a history 0 <- 1 <- 2 ..., of which 900 and up are on another line. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeServedHeads, type Standing } from "../../src/freshness/served-heads.ts";
import { found, lacking } from "../../src/verdict/verdict.ts";

const commit = (n: number) => n.toString(16).padStart(12, "0").padEnd(40, "0") as CommitId;
const GOOD = found("authentic", "signed by alice");
const BAD = lacking("root-not-met", "signed by nobody");

const numberOf = (id: CommitId) => Number.parseInt(id.slice(0, 12), 16);
const ancestry = (older: CommitId, newer: CommitId) => {
  const [a, b] = [numberOf(older), numberOf(newer)];
  return a >= 900 !== b >= 900 || b < a ? undefined : b - a;
};

/** A head's number; "forged" and "silent" as they say. Followed is 5. */
type Offer = number | "forged" | "silent";

function judge(offers: readonly Offer[], followed: number | undefined = 5) {
  const at = (i: number) => `https://${i}.example.org/`;
  const served = offers.flatMap((offer, i) => {
    if (offer === "silent") return [];
    const head = offer === "forged" ? commit(800) : commit(offer);
    return [{ url: at(i), head, standing: standingOf(offer, followed) }];
  });
  const silent = offers.flatMap((offer, i) =>
    offer === "silent" ? [{ url: at(i), problem: "no answer" }] : [],
  );
  return judgeServedHeads({
    followed: followed === undefined ? followed : commit(followed),
    served,
    silent,
    ancestry,
  });
}

function standingOf(offer: number | "forged", followed: number | undefined): Standing {
  if (offer === "forged") return { kind: "unauthentic", why: BAD };
  if (followed === undefined) return { kind: "forward", why: GOOD };
  if (offer === followed) return { kind: "same" };
  if (offer >= 900) return { kind: "apart", why: GOOD };
  return offer < followed ? { kind: "behind" } : { kind: "forward", why: GOOD };
}

const told = (offers: readonly Offer[]) =>
  judge(offers).reasons.flatMap(({ because = [] }) => because.map(({ code }) => code));

test.each<[string, Offer[], number | undefined, string[]]>([
  ["one, the same", [5], 5, []],
  ["one, newer", [7], 7, []],
  ["one is behind the other", [7, 6], 7, ["authentic", "mirror-behind"]],
  ["one serves what was long followed", [3, 5], 5, ["mirror-behind", "authentic"]],
  ["one is silent", ["silent", 6], 6, ["authentic", "mirror-unreachable"]],
  ["one is forged", ["forged", 6], 6, ["mirror-unauthentic", "authentic"]],
  [
    "all that can go wrong beside one that is good",
    [3, "forged", "silent", 8],
    8,
    ["mirror-behind", "mirror-unauthentic", "authentic", "mirror-unreachable"],
  ],
])("followed: %s", (_, offers, newest, codes) => {
  const verdict = judge(offers);
  expect(verdict.newest).toBe(newest === undefined ? undefined : commit(newest));
  expect(verdict.reasons.every(({ ok }) => ok)).toBe(true);
  expect(told(offers)).toEqual(codes);
});

test.each<[string, Offer[], string[]]>([
  ["one, older", [3], ["rollback"]],
  ["one, on another line", [905], ["rollback"]],
  ["all older", [3, 4], ["rollback", "rollback"]],
  ["one older, the other silent", [3, "silent"], ["rollback", "mirror-unreachable"]],
  ["one forged", ["forged"], ["root-not-met"]],
  ["two on other lines", [905, 7], ["equivocation", "followed"]],
  ["what is followed, and another line", [5, 905], ["equivocation", "followed"]],
])("refused: %s", (_, offers, codes) => {
  const verdict = judge(offers);
  expect(verdict.newest).toBeUndefined();
  expect(verdict.reasons.map(({ code }) => code)).toEqual(codes);
  expect(verdict.reasons.some(({ ok }) => !ok)).toBe(true);
});

test("equivocation shows both heads, where each was seen and by whom it is signed", () => {
  const [reason] = judge([7, 905, 7]).reasons;
  expect(reason!.because!.map(({ message }) => message)).toEqual([
    "000000000007 is served by https://0.example.org/, https://2.example.org/",
    "000000000389 is served by https://1.example.org/",
  ]);
  expect(reason!.because!.map(({ because }) => because)).toEqual([[GOOD], [GOOD]]);
});

const offer: fc.Arbitrary<Offer> = fc.oneof(
  fc.integer({ min: 0, max: 9 }),
  fc.integer({ min: 900, max: 903 }),
  fc.constantFrom<Offer>("forged", "silent"),
);

test("whatever is served: never backwards, never to another line, never to what is forged", () => {
  fc.assert(
    fc.property(fc.array(offer, { minLength: 1, maxLength: 6 }), (offers) => {
      const { newest, reasons } = judge(offers);
      if (newest === undefined) {
        expect(reasons.some(({ ok }) => !ok)).toBe(true);
        return;
      }
      const n = numberOf(newest);
      expect(n >= 5 && n <= 9 && offers.includes(n)).toBe(true);
      expect(offers.some((other) => typeof other === "number" && other > n)).toBe(false);
    }),
  );
});

test("mirrors that are behind, forged or silent never change what is followed", () => {
  const useless = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom<Offer>("forged", "silent"));
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 9 }), fc.array(useless, { maxLength: 6 }), (good, others) => {
      expect(judge([...others, good]).newest).toBe(commit(good));
    }),
  );
});
