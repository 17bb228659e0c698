/** What a change does to names that evaluations are told of: what it leaves open, and what merely differs. */

import { listingDifference } from "@firstmile/formats/statement/names";
import { judgedPath } from "@firstmile/trust/slice/known-names";
import { contentOfNames } from "@firstmile/trust/slice/names";
import type { JudgedNames } from "@firstmile/trust/slice/names-coverage";
import { failingNames, namesReason, oddReason } from "@firstmile/trust/slice/names-reason";
import { changeLines, directoryText, TYPES } from "@firstmile/trust/slice/names-text";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { GatheredCase } from "../slicing/gather.ts";
import type { Slice } from "../slicing/slice-of.ts";
import type { CheckFinding } from "./report.ts";

export interface NamesSide extends Pick<Slice, "names" | "odd" | "commit"> {
  readonly gathered: GatheredCase;
}

/** One for each listing or asked name that is open now and was not before, and one for odd names that came. */
export function namesFindings(
  after: NamesSide,
  before: readonly Pick<Slice, "names" | "odd">[],
  words: string,
): CheckFinding[] {
  const { commit, gathered } = after;
  const { coverage, source, names: coverageOfNames } = gathered;
  const question = { source, commit, words, coverage, names: coverageOfNames };
  const known = new Set(before.flatMap(({ names }) => failingNames(names).map(keyOf)));
  const open = failingNames(after.names).filter((one) => !known.has(keyOf(one)));
  const findings = open.map((one): CheckFinding => {
    const { code, message, remedy } = namesReason(question, one);
    const who = coverageOfNames.completions(one.names);
    return { code, path: one.names.path || ".", line: 1, message, remedy, who };
  });
  const wasOdd = new Set(before.flatMap(({ odd }) => odd.map(({ path }) => path)));
  const odd = after.odd.filter(({ path }) => !wasOdd.has(path));
  const ofOdd = odd.map((one): CheckFinding => {
    const { code, message, remedy, because = [] } = oddReason(question, [one]);
    return { code, path: one.path, line: 1, message: `${because[0]!.message}: ${message}`, remedy, who: [] };
  });
  return [...findings, ...ofOdd];
}

function keyOf({ names, standing }: JudgedNames): string {
  const come = standing.kind === "fresh" ? standing.come.map(({ name }) => name).join("/") : "";
  return `${judgedPath(names)} ${contentOfNames(names).sha256} ${come}`;
}

/** `patches/: 1-fix-cve.patch is gone`; what differs, whether or not it is covered. */
export function changedNames(
  before: Pick<Slice, "names"> | undefined,
  after: Pick<Slice, "names">,
): string[] {
  if (before === undefined) return [];
  const old = new Map(before.names.map((one) => [judgedPath(one.names), one.names]));
  return after.names.flatMap(({ names }): string[] => {
    const was = old.get(judgedPath(names));
    if (names.kind === "answer") {
      if (was?.kind !== "answer" || was.type === names.type) return [];
      return [`${visiblePath(names.path)}: ${TYPES[names.type]} now, and was ${TYPES[was.type]}`];
    }
    if (was?.kind !== "listing") return [];
    const { gone, come } = listingDifference(was.entries, names.entries);
    return changeLines(gone, come).map((line) => `${directoryText(names.path)}: ${line}`);
  });
}
