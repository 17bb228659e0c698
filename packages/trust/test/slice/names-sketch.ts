/** Names as values: what readers were shown, and what an evaluation was told, in a few words. */

import {
  type AnswerType,
  type EntryType,
  listingContent,
  parseEntry,
} from "@firstmile/formats/statement/listing";
import { listingDifference, type StatedNames } from "@firstmile/formats/statement/names";
import type { ReviewVerdict } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "../../src/policy/names.ts";
import { SliceCoverage } from "../../src/slice/cover.ts";
import { Distrust } from "../../src/slice/distrust.ts";
import type { SliceNames } from "../../src/slice/names.ts";
import { type JudgedNames, NamesCoverage } from "../../src/slice/names-coverage.ts";
import { Waivers } from "../../src/slice/waivers.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import { type CaseSketch, content, IDENTITIES, type Name, NOW, POLICY, signed, source } from "./slices.ts";

export type Entries = readonly string[];
export const entries = (lines: Entries) =>
  lines.map(parseEntry).map((one) => ({ name: one.name, type: one.type as EntryType }));
export const listed = (path: string, ...lines: Entries): StatedNames => ({
  kind: "listing",
  path,
  entries: entries(lines),
});
export const changed = (path: string, from: Entries, to: Entries): StatedNames => ({
  kind: "change",
  path,
  before: listingContent(entries(from)).sha256,
  after: listingContent(entries(to)).sha256,
  ...listingDifference(entries(from), entries(to)),
});
export const answered = (path: string, ...lines: Entries): StatedNames => ({
  kind: "answers",
  path,
  answers: lines.map(parseEntry),
});

export function shown(
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

export function names(sketch: CaseSketch & { readonly listings?: "shown" }): NamesCoverage {
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

export const listing = (path: string, ...lines: Entries): SliceNames => ({
  kind: "listing",
  path,
  entries: entries(lines),
});
export const answer = (path: string, type: AnswerType, text?: string): SliceNames => ({
  kind: "answer",
  path,
  type,
  version: text === undefined ? undefined : content(text),
});
export const judged = (coverage: NamesCoverage, asked: SliceNames): JudgedNames =>
  coverage.judge([asked])[0]!;
export const kind = (coverage: NamesCoverage, asked: SliceNames) => judged(coverage, asked).standing.kind;

export const P = "patches";
export const BOTH = ["f 1-fix.patch", "f 2-paths.patch"];
export const waived = (by: Name, until: number, ...all: readonly StatedNames[]) =>
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
