/** What covers names, by a table: people as values, directories in a word. */

import { contentsDigest } from "@firstmile/formats/statement/channel";
import {
  type AnswerType,
  type EntryType,
  listingContent,
  parseEntry,
} from "@firstmile/formats/statement/listing";
import { listingDifference, type StatedNames } from "@firstmile/formats/statement/names";
import type { ReviewVerdict } from "@firstmile/formats/statement/review";
import { describe, expect, test } from "vitest";
import type { PrincipalName } from "../../src/policy/names.ts";
import { vouchedSlices } from "../../src/slice/channels.ts";
import { SliceCoverage } from "../../src/slice/cover.ts";
import { Distrust } from "../../src/slice/distrust.ts";
import { contentOfNames, type SliceNames } from "../../src/slice/names.ts";
import { type JudgedNames, NamesCoverage } from "../../src/slice/names-coverage.ts";
import {
  influenceReason,
  namesDenial,
  namesReason,
  noInfluence,
  oddNames,
  oddReason,
} from "../../src/slice/names-reason.ts";
import { Waivers } from "../../src/slice/waivers.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import {
  type CaseSketch,
  content,
  IDENTITIES,
  type Name,
  NOW,
  POLICY,
  read,
  signed,
  source,
} from "./slices.ts";

type Entries = readonly string[];
const entries = (lines: Entries) =>
  lines.map(parseEntry).map((one) => ({ name: one.name, type: one.type as EntryType }));
const listed = (path: string, ...lines: Entries): StatedNames => ({
  kind: "listing",
  path,
  entries: entries(lines),
});
const changed = (path: string, from: Entries, to: Entries): StatedNames => ({
  kind: "change",
  path,
  before: listingContent(entries(from)).sha256,
  after: listingContent(entries(to)).sha256,
  ...listingDifference(entries(from), entries(to)),
});
const answered = (path: string, ...lines: Entries): StatedNames => ({
  kind: "answers",
  path,
  answers: lines.map(parseEntry),
});

function shown(
  by: Name | readonly Name[],
  names: StatedNames,
  verdict: ReviewVerdict = "approve",
): SignedReview {
  const said = { kind: "review", verdict, depth: "read", machine: false } as const;
  return {
    review: { ...said, note: undefined, source: undefined, changes: [], names: [names] },
    by: new Set([by].flat() as string[] as PrincipalName[]),
  };
}

function names(sketch: CaseSketch & { readonly listings?: "shown" }): NamesCoverage {
  const { reviews = [], rules, statements = [], now = NOW, listings, ...more } = sketch;
  const plain = source(rules);
  const own = listings ? { ...plain, rules: plain.rules.map((rule) => ({ ...rule, listings })) } : plain;
  const evidence = {
    reviews,
    distrust: new Distrust(POLICY, statements),
    waivers: new Waivers(POLICY, IDENTITIES.ownerOf, statements, now),
    vouched: new Map(),
    wrote: () => new Set<never>(),
    ...more,
  };
  return new NamesCoverage(POLICY, own, evidence, new SliceCoverage(POLICY, own, evidence));
}

const listing = (path: string, ...lines: Entries): SliceNames => ({
  kind: "listing",
  path,
  entries: entries(lines),
});
const answer = (path: string, type: AnswerType, text?: string): SliceNames => ({
  kind: "answer",
  path,
  type,
  version: text === undefined ? undefined : content(text),
});
const judged = (coverage: NamesCoverage, asked: SliceNames): JudgedNames => coverage.judge([asked])[0]!;
const kind = (coverage: NamesCoverage, asked: SliceNames) => judged(coverage, asked).standing.kind;

const P = "patches";
const BOTH = ["f 1-fix.patch", "f 2-paths.patch"];
const waived = (by: Name, until: number, ...all: readonly StatedNames[]) =>
  signed(
    {
      kind: "waiver",
      targets: [],
      paths: [],
      names: all,
      source: "pkgs",
      until,
      because: "for now",
    },
    by,
  );

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

describe("what exists for an evaluation", () => {
  const at = (coverage: NamesCoverage, path = "hooks/a", text = "x") =>
    coverage.existence(path, "f", content(text));

  test.each<[string, CaseSketch & { listings?: "shown" }, unknown]>([
    ["nothing that nobody covers", {}, undefined],
    [
      "what was read there",
      { reviews: [read("bob", undefined, content("x"), { path: "hooks/a" })] },
      { kind: "listed", named: true },
    ],
    [
      "what was read there in another version",
      { reviews: [read("bob", undefined, content("y"), { path: "hooks/a" })] },
      { kind: "listed", named: true },
    ],
    ["what was listed", { reviews: [shown("bob", listed("hooks", "f a"))] }, { kind: "listed", named: true }],
    ["nothing of another type", { reviews: [shown("bob", listed("hooks", "d a"))] }, undefined],
    [
      "what people were told",
      { reviews: [shown("bob", answered("hooks", "f a"))] },
      { kind: "listed", named: true },
    ],
    [
      "what was read elsewhere, for those who ask by name",
      { rules: [{ anywhere: true }], reviews: [read("bob", undefined, content("x"), { path: "b" })] },
      { kind: "found", named: false },
    ],
    [
      "nothing that was read elsewhere, where that does not count",
      { reviews: [read("bob", undefined, content("x"), { path: "b" })] },
      undefined,
    ],
    ["what the rule lets pass", { listings: "shown" }, { kind: "listed", named: false }],
    [
      "what a waiver of paths covers, which names nothing",
      {
        rules: [{ waive: "waiver" }],
        statements: [
          signed(
            {
              kind: "waiver",
              targets: [],
              paths: ["hooks/**"],
              source: "pkgs",
              until: NOW + 1,
              because: "x",
            },
            "alice",
          ),
        ],
      },
      { kind: "listed", named: false },
    ],
    [
      "what a waiver names there",
      {
        rules: [{ waive: "waiver" }],
        statements: [
          signed(
            {
              kind: "waiver",
              targets: [{ kind: "content", path: "hooks/a", ...content("x") }],
              paths: [],
              source: "pkgs",
              until: NOW + 1,
              because: "x",
            },
            "alice",
          ),
        ],
      },
      { kind: "listed", named: true },
    ],
  ])("%s", (_, sketch, expected) => {
    expect(at(names(sketch))).toEqual(expected);
  });

  test("odd names are those that no reading names", () => {
    const entry = (path: string) => ({ path, type: "f" as const, version: content(path) });
    const all = [entry("hooks/$(id)"), entry("hooks/plain.sh"), entry("hooks/a b")];
    expect(oddNames(all, names({})).map(({ path }) => path)).toEqual(["hooks/$(id)", "hooks/a b"]);
    const reviews = [shown("bob", listed("hooks", "f a b"))];
    expect(oddNames(all, names({ reviews })).map(({ path }) => path)).toEqual(["hooks/$(id)"]);
    expect(oddNames(all, names({ listings: "shown" }))).toHaveLength(2);
  });
});

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
    expect(odd.because?.[0]?.message).toBe("hooks/: 'a\\u{a}\\u{1b}[2J'");
    expect(odd.remedy).toContain("hooks/a\\u{a}\\u{1b}[2J, or read it");
  });
});
