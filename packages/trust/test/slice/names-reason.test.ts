/** What a person is told of names. */

import { describe, expect, test } from "vitest";
import type { SliceNames } from "../../src/slice/names.ts";
import type { NamesCoverage } from "../../src/slice/names-coverage.ts";
import {
  influenceReason,
  namesDenial,
  namesReason,
  noInfluence,
  oddReason,
} from "../../src/slice/names-reason.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import { answer, answered, BOTH, judged, listed, listing, names, P, shown } from "./names-sketch.ts";
import { source } from "./slices.ts";

describe("is told", () => {
  const question = (coverage: NamesCoverage) => ({
    source: source(),
    commit: "a".repeat(40),
    words: "-A x",
    coverage: undefined as never,
    names: coverage,
  });
  const message = (reviews: readonly SignedReview[], asked: SliceNames) => {
    const coverage = names({ reviews });
    return namesReason(question(coverage), judged(coverage, asked));
  };

  test.each<[string, readonly SignedReview[], SliceNames, string, string]>([
    [
      "a first listing",
      [],
      listing(P, ...BOTH),
      "listing-not-covered",
      "patches/: role reader has not been shown its 2 names",
    ],
    [
      "a name that is gone",
      [shown("bob", listed(P, ...BOTH))],
      listing(P, "f 2-paths.patch", "f 3"),
      "listing-not-covered",
      "patches/: 1-fix.patch is gone, and role reader has not been shown that",
    ],
    [
      "another type",
      [shown("bob", listed(P, ...BOTH))],
      listing(P, "l 1-fix.patch", "f 2-paths.patch"),
      "listing-not-covered",
      "patches/: 1-fix.patch is a symbolic link now, and was a file, and role reader has not been shown that",
    ],
    [
      "an absence",
      [shown("bob", answered("", "f strict"))],
      answer("strict", "-"),
      "listing-not-covered",
      "strict: it is gone, which was a file, and role reader has not been shown that",
    ],
    [
      "a listing that passes",
      [shown("bob", listed("", "d a"))],
      listing("", "d a"),
      "covered",
      "./: read by bob",
    ],
  ])("%s", (_, reviews, asked, code, text) => {
    expect(message(reviews, asked)).toMatchObject({ code, message: text });
  });

  test.each<[SliceNames, string]>([
    [listing(P, ...BOTH), "--path patches"],
    [listing("", "d a"), "--path ."],
    [answer("d/strict", "f", "x"), "--path d/strict"],
    [answer("d/strict", "-"), "--path d"],
    [answer("strict", "-"), "--path ."],
  ])("a path to read where nothing was named: %#", (asked, path) => {
    const coverage = names({});
    const reason = namesReason({ ...question(coverage), words: "" }, judged(coverage, asked));
    expect(reason.remedy).toMatch(new RegExp(`firstmile review pkgs aaaaaaaaaaaa ${path}$`));
  });

  test("what a person does about it", () => {
    const { remedy } = message([], listing(P, ...BOTH));
    expect(remedy).toBe("to be read by alice, or bob, or carol: firstmile review pkgs aaaaaaaaaaaa -A x");
    const coverage = names({});
    expect(namesDenial(question(coverage), coverage.judge([listing(P), answer("s", "-")]))).toMatchObject({
      code: "listing-not-covered",
      message: "1 listing and 1 asked name that it rests on in source pkgs at aaaaaaaaaaaa are not covered",
    });
  });

  test("names that were kept back, and what they did", () => {
    const hidden = ["hooks/a", "hooks/b", "x"].map((path) => ({ path, type: "f" as const }));
    expect(noInfluence(hidden).message).toBe("3 names without a reader, in hooks/ and ./, had no influence");
    const reason = influenceReason(question(names({})), hidden);
    expect(reason.code).toBe("listing-not-covered");
    expect(reason.because?.map(({ message: text }) => text)).toEqual(["hooks/: a and b", "./: x"]);
  });

  test("odd names, escaped", () => {
    const odd = oddReason(question(names({})), [{ path: "hooks/a\n\x1b[2J", type: "f" }]);
    expect(odd.code).toBe("odd-name");
    expect(odd.because?.[0]?.message).toBe("hooks/: 'a\\x0a\\x1b[2J'");
    expect(odd.remedy).toContain("hooks/a\\x0a\\x1b[2J, or read it");
  });
});
