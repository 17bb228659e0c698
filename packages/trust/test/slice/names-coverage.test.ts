/** What covers names, by a table: people as values, directories in a word. */

import { contentsDigest } from "@firstmile/formats/statement/channel";
import type { AnswerType } from "@firstmile/formats/statement/listing";
import { describe, expect, test } from "vitest";
import { vouchedSlices } from "../../src/slice/channels.ts";
import { contentOfNames, type SliceNames } from "../../src/slice/names.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import {
  answer,
  answered,
  BOTH,
  changed,
  type Entries,
  entries,
  judged,
  kind,
  listed,
  listing,
  names,
  P,
  shown,
  waived,
} from "./names-sketch.ts";
import { content, NOW, read } from "./slices.ts";

describe("a listing", () => {
  test.each<[string, readonly SignedReview[], SliceNames, string]>([
    ["that nobody was shown", [], listing(P, ...BOTH), "uncovered"],
    ["that is as it was shown", [shown("bob", listed(P, ...BOTH))], listing(P, ...BOTH), "read"],
    ["with a name more", [shown("bob", listed(P, "f 2-paths.patch"))], listing(P, ...BOTH), "read"],
    ["with a name less", [shown("bob", listed(P, ...BOTH))], listing(P, "f 2-paths.patch"), "uncovered"],
    ["with nothing left", [shown("bob", listed(P, ...BOTH))], listing(P), "uncovered"],
    [
      "with another type",
      [shown("bob", listed(P, ...BOTH))],
      listing(P, "l 1-fix.patch", "f 2-paths.patch"),
      "uncovered",
    ],
    [
      "with a name in another case",
      [shown("bob", listed(P, ...BOTH))],
      listing(P, "f 1-FIX.patch", "f 2-paths.patch"),
      "uncovered",
    ],
    [
      "of the same names elsewhere",
      [shown("bob", listed("other", ...BOTH))],
      listing(P, ...BOTH),
      "uncovered",
    ],
    [
      "shown to one who does not count",
      [shown("mallory", listed(P, ...BOTH))],
      listing(P, ...BOTH),
      "uncovered",
    ],
    [
      "less by a change that was read",
      [shown("bob", listed(P, ...BOTH)), shown("carol", changed(P, BOTH, ["f 2-paths.patch"]))],
      listing(P, "f 2-paths.patch"),
      "read",
    ],
    [
      "less by a change that somebody else read, whose beginning nobody was shown",
      [shown("carol", changed(P, BOTH, ["f 2-paths.patch"]))],
      listing(P, "f 2-paths.patch"),
      "uncovered",
    ],
    [
      "whose change begins at the listing of another directory",
      [shown("bob", listed("other", ...BOTH)), shown("carol", changed(P, BOTH, ["f 2-paths.patch"]))],
      listing(P, "f 2-paths.patch"),
      "uncovered",
    ],
    [
      "that was rejected",
      [shown("bob", listed(P, ...BOTH)), shown("carol", listed(P, ...BOTH), "reject")],
      listing(P, ...BOTH),
      "rejected",
    ],
    [
      "that grew from one that was rejected",
      [
        shown(["bob", "carol"], listed(P, "f 2-paths.patch")),
        shown("carol", listed(P, "f 2-paths.patch"), "reject"),
      ],
      listing(P, ...BOTH),
      "uncovered",
    ],
    ["of the root", [shown("bob", listed("", "d a"))], listing("", "d a", "f b"), "read"],
  ])("%s", (_, reviews, asked, expected) => {
    expect(kind(names({ reviews }), asked)).toBe(expected);
  });

  test("needs as many people as its rule asks for", () => {
    const rules = [{ review: "readers" }];
    const one = shown("bob", listed(P, ...BOTH));
    expect(judged(names({ rules, reviews: [one] }), listing(P, ...BOTH)).standing).toMatchObject({
      kind: "uncovered",
      have: ["bob"],
    });
    expect(
      kind(names({ rules, reviews: [one, shown("carol", listed(P, ...BOTH))] }), listing(P, ...BOTH)),
    ).toBe("read");
  });

  test("comes under the rule of what is in it, and without one under none", () => {
    const rules = [{ review: "reader" }, { paths: [`${P}/**`], review: "readers" }];
    const coverage = names({
      rules,
      reviews: [shown("bob", listed(P, ...BOTH)), shown("bob", listed("", "d patches"))],
    });
    expect(kind(coverage, listing(P, ...BOTH))).toBe("uncovered");
    expect(kind(coverage, listing("", "d patches"))).toBe("read");
    expect(kind(names({ rules: [{ paths: ["*.nix"] }] }), listing(P, ...BOTH))).toBe("unruled");
  });

  test("read elsewhere counts nowhere else, also where contents do", () => {
    const reviews = [shown("bob", listed("other", ...BOTH))];
    expect(kind(names({ rules: [{ anywhere: true }], reviews }), listing(P, ...BOTH))).toBe("uncovered");
  });

  test("passes unread where the rule says so, but not where it was rejected", () => {
    expect(kind(names({ listings: "shown" }), listing(P, ...BOTH))).toBe("shown");
    const reviews = [shown("bob", listed(P, ...BOTH), "reject")];
    expect(kind(names({ listings: "shown", reviews }), listing(P, ...BOTH))).toBe("rejected");
  });

  test("is waived as it was, and with more, until the waiver ends", () => {
    const rules = [{ waive: "waiver" }];
    const statements = [waived("alice", NOW + 10, listed(P, "f 2-paths.patch"))];
    expect(kind(names({ rules, statements }), listing(P, "f 2-paths.patch"))).toBe("waived");
    expect(kind(names({ rules, statements }), listing(P, ...BOTH))).toBe("waived");
    expect(kind(names({ rules, statements }), listing(P))).toBe("uncovered");
    expect(kind(names({ rules, statements, now: NOW + 10 }), listing(P, ...BOTH))).toBe("uncovered");
    expect(kind(names({ statements }), listing(P, ...BOTH))).toBe("uncovered");
  });

  test("rests on what is waived for a change that was read", () => {
    const rules = [{ waive: "waiver" }];
    const statements = [waived("alice", NOW + 10, listed(P, ...BOTH))];
    const reviews = [shown("bob", changed(P, BOTH, ["f 2-paths.patch"]))];
    expect(
      judged(names({ rules, statements, reviews }), listing(P, "f 2-paths.patch")).standing,
    ).toMatchObject({
      kind: "waived",
      since: ["bob"],
    });
  });
});

describe("what a channel published", () => {
  const file = { mode: 0o100644, sha256: content("a").sha256 };
  const said = [listing(P, ...BOTH), listing("", "d patches"), answer("strict", "-")] as const;
  const published = () => {
    const contents = said.map((one) => ({ path: one.path, ...contentOfNames(one) }));
    return {
      kind: "channel",
      commit: "a".repeat(40) as never,
      source: "pkgs",
      attributes: ["default.nix"],
      system: "x86_64-linux",
      paths: ["a.nix"],
      listed: ["", P],
      asked: ["strict"],
      contents: contentsDigest([{ path: "a.nix", ...file }, contents[1]!, contents[0]!, contents[2]!]),
    } as const;
  };
  const at = (patches: Entries, strict: AnswerType = "-") => {
    const { names: vouchedNames, paths } = vouchedSlices([{ channel: published(), by: ["carol" as never] }], {
      fileAt: () => file,
      listingAt: (path) => (path === P ? entries(patches) : path === "" ? entries(["d patches"]) : undefined),
      typeAt: () => strict,
    });
    return { files: paths.size, coverage: names({ vouchedNames }) };
  };

  test("covers the names of its commit", () => {
    const { coverage, files } = at(BOTH);
    expect(files).toBe(1);
    expect(said.map((one) => kind(coverage, one))).toEqual(["vouched", "vouched", "vouched"]);
    expect(coverage.existence("patches/1-fix.patch", "f", content("x"))).toEqual({
      kind: "listed",
      named: true,
    });
  });

  test.each<[string, Entries, AnswerType]>([
    ["a name is gone", ["f 2-paths.patch"], "-"],
    ["a name is new", [...BOTH, "f 3"], "-"],
    ["a name exists that did not", BOTH, "f"],
  ])("covers nothing where %s, its files neither", (_, patches, strict) => {
    const { coverage, files } = at(patches, strict);
    expect(files).toBe(0);
    expect(said.map((one) => kind(coverage, one))).toEqual(["uncovered", "uncovered", "uncovered"]);
  });
});

describe("whether a name exists", () => {
  test.each<[string, readonly SignedReview[], SliceNames, string]>([
    ["that it does not, and nobody was told", [], answer("strict", "-"), "uncovered"],
    [
      "that it does not, as people were told",
      [shown("bob", answered("", "- strict"))],
      answer("strict", "-"),
      "read",
    ],
    [
      "that it does not, as its directory was listed",
      [shown("bob", listed("", "f a"))],
      answer("strict", "-"),
      "read",
    ],
    [
      "that it does not, and it did",
      [shown("bob", answered("", "f strict"))],
      answer("strict", "-"),
      "uncovered",
    ],
    [
      "that it does not, and it was listed",
      [shown("bob", listed("", "f strict"))],
      answer("strict", "-"),
      "uncovered",
    ],
    ["that it does, and nobody was told", [], answer("strict", "f", "x"), "uncovered"],
    [
      "that it does, as people were told",
      [shown("bob", answered("", "f strict"))],
      answer("strict", "f", "x"),
      "read",
    ],
    [
      "that it does, as its directory was listed",
      [shown("bob", listed("", "f strict"))],
      answer("strict", "f"),
      "read",
    ],
    [
      "that it does, as something else",
      [shown("bob", listed("", "d strict"))],
      answer("strict", "f"),
      "uncovered",
    ],
    [
      "that it does, and was read there",
      [read("bob", undefined, content("x"), { path: "strict" })],
      answer("strict", "f", "x"),
      "known",
    ],
    [
      "that it does, and was read there before",
      [read("bob", undefined, content("old"), { path: "strict" })],
      answer("strict", "f", "x"),
      "known",
    ],
    [
      "that it does, as a link where a file was read",
      [read("bob", undefined, content("x"), { path: "strict" })],
      answer("strict", "l", "x"),
      "uncovered",
    ],
    [
      "that it does, and was read elsewhere",
      [read("bob", undefined, content("x"), { path: "b" })],
      answer("strict", "f", "x"),
      "uncovered",
    ],
    [
      "that a directory does, in which something was read",
      [read("bob", undefined, content("x"), { path: "d/e/a" })],
      answer("d", "d"),
      "known",
    ],
    [
      "that a directory does, and nothing was read in it",
      [read("bob", undefined, content("x"), { path: "dd/a" })],
      answer("d", "d"),
      "uncovered",
    ],
  ])("%s", (_, reviews, asked, expected) => {
    expect(kind(names({ reviews }), asked)).toBe(expected);
  });
});
