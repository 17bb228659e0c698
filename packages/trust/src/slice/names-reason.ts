/** What names told an evaluation, as one finding beside that on its files. */
import { type EntryType, isPlainName } from "@firstmile/formats/statement/listing";
import type { FileVersion } from "@firstmile/formats/statement/review";
import { found, lacking, type Reason } from "../verdict/verdict.ts";
import { directoryOf, nameOf } from "./names.ts";
import { type JudgedNames, type NamesCoverage, passesNames } from "./names-coverage.ts";
import { changeLines, countText, directoryText, namesText, some, TYPES } from "./names-text.ts";
import { day, proofText, rejectedText, type SliceQuestion, waivedReason } from "./reason.ts";
import { shellWord, visiblePath } from "./visible-path.ts";

export interface NamesQuestion extends SliceQuestion {
  readonly names: NamesCoverage;
}

/** An entry of the tree that was kept from the evaluation, or has an odd name. */
export interface TreeName {
  /** Latin-1. */
  readonly path: string;
  readonly type: EntryType;
}

const SHOWN = 10;
export function failingNames(judged: readonly JudgedNames[]): JudgedNames[] {
  return judged.filter(({ standing }) => !passesNames(standing));
}

/** Why one listing or answer passes, or does not. */
export function namesReason(question: NamesQuestion, judged: JudgedNames): Reason {
  const { names, standing } = judged;
  const where = names.kind === "listing" ? directoryText(names.path) : visiblePath(names.path);
  switch (standing.kind) {
    case "distrusted": {
      const { by, because } = standing.objection;
      return lacking("distrusted", `${where}: ${by.join(" and ")} distrusts these names: ${because}`, {
        remedy: "use a version without a distrust against it",
      });
    }
    case "rejected":
      return lacking("review-rejected", `${where}: ${rejectedText(standing, "these names")}`, {
        remedy: "change what was rejected; the review says why",
      });
    case "unruled":
      return lacking("not-covered", `${where}: no rule of source ${question.source.name} covers names here`, {
        remedy: `add [[source.${question.source.name}.rule]] with paths that cover everything in it: ["**"]`,
      });
    case "uncovered":
    case "fresh":
      return uncovered(question, judged, where);
    case "waived":
      return waivedReason(where, standing.waiver, standing.since);
    default: {
      const [code, words] = proofText(standing)!;
      return found(code, `${where}: ${words}`);
    }
  }
}

function uncovered(question: NamesQuestion, judged: JudgedNames, where: string): Reason {
  const { source, commit, names: coverage } = question;
  const { standing, names, rule } = judged;
  const ended = standing.kind === "uncovered" ? standing.ended : undefined;
  const have = standing.kind === "uncovered" || standing.kind === "fresh" ? standing.have : [];
  const who = coverage.completions(names).map((people) => people.join(" and "));
  const waived = ended ? `, and ${ended.by.join(" and ")} waived that until ${day(ended.until)} only` : "";
  const role = rule?.review?.role
    ? `role ${rule.review.role}`
    : `the reviewers of the rule at line ${rule?.line}`;
  const readers =
    have.length > 0 ? `only ${have.join(" and ")} of ${role} has been shown` : `${role} has not been shown`;
  const message = `${where}: ${whatDiffers(judged, readers)}${waived}`;
  const words = question.words === "" ? `--path ${shellWord(visiblePath(readAt(names)))}` : question.words;
  const command = `firstmile review ${source.name} ${commit.slice(0, 12)} ${words}`.trimEnd();
  return lacking(ended ? "waiver-expired" : "listing-not-covered", message, {
    remedy: `to be read by ${who.length === 0 ? "a person who had no part in it" : who.join(", or ")}: ${command}`,
  });
}

/** A path whose reading covers it: what is not there is told by the listing of its directory. */
function readAt(names: JudgedNames["names"]): string {
  const isRead = names.kind === "listing" || names.type === "f" || names.type === "l";
  return (isRead ? names.path : directoryOf(names.path)) || ".";
}

/** `1-fix-cve.patch is gone, and role reader has not been shown that`. */
function whatDiffers({ names, change, instead, standing }: JudgedNames, readers: string): string {
  if (names.kind === "answer") {
    if (names.type === "-")
      return instead
        ? `it is gone, which was ${TYPES[instead]}, and ${readers} that`
        : `it does not exist, and ${readers} that`;
    if (instead === undefined) return `it exists, as ${TYPES[names.type]}, and ${readers} that`;
    return `it is ${TYPES[names.type]} now, and was ${TYPES[instead]}, and ${readers} that`;
  }
  if (standing.kind === "fresh") {
    const [is, them] = standing.come.length === 1 ? ["is", "it"] : ["are", "them"];
    const told = some(standing.come.map(({ name }) => visiblePath(name)));
    return `${told} ${is} new, decide${is === "is" ? "s" : ""} what it evaluates to, and ${readers} ${them}`;
  }
  if (change === undefined)
    return names.entries.length === 0
      ? `it is empty, and ${readers} that`
      : `${readers} its ${namesText(names.entries.length)}`;
  // A new name alone is not a reason to refuse, but a replaced one is.
  const retyped = change.come.filter(({ name }) => change.gone.some((gone) => gone.name === name));
  return `${some(changeLines(change.gone, retyped))}, and ${readers} that`;
}

/** What denies an admission for its names; none where all of them pass. */
export function namesDenial(question: NamesQuestion, judged: readonly JudgedNames[]): Reason | undefined {
  const bad = failingNames(judged);
  if (bad.length === 0) return undefined;
  const because = bad.slice(0, SHOWN).map((one) => namesReason(question, one));
  const counts = countText(
    bad.filter(({ names }) => names.kind === "listing").length,
    bad.filter(({ names }) => names.kind === "answer").length,
  );
  const at = `source ${question.source.name} at ${question.commit.slice(0, 12)}`;
  const more = bad.length > SHOWN ? `, ${SHOWN} of them shown` : "";
  const message = `${counts} that it rests on in ${at} ${bad.length === 1 ? "is" : "are"} not covered${more}`;
  return lacking(because[0]!.code, message, { because, remedy: because[0]!.remedy });
}

/** New names, with which it evaluates to something else. */
export function influenceReason(question: NamesQuestion, hidden: readonly TreeName[]): Reason {
  const { source, commit, words } = question;
  const groups = [...Map.groupBy(hidden, ({ path }) => directoryOf(path))];
  const because = groups.slice(0, SHOWN).map(([directory, names]) => {
    const told = some(names.map(({ path }) => visiblePath(nameOf(path))));
    return lacking("listing-not-covered", `${directoryText(directory)}: ${told}`);
  });
  const [decide, them] = hidden.length === 1 ? ["decides", "it"] : ["decide", "them"];
  const message = `${namesText(hidden.length)} without a reader ${decide} what it evaluates to: without ${them} the derivations are others`;
  return lacking("listing-not-covered", message, {
    because,
    remedy: `to be read: firstmile review ${source.name} ${commit.slice(0, 12)} ${words}`.trimEnd(),
  });
}

/** `3 names without a reader, in hooks/, had no influence`. */
export function noInfluence(hidden: readonly TreeName[]): Reason {
  const directories = [...new Set(hidden.map(({ path }) => directoryText(directoryOf(path))))];
  return found(
    "no-influence",
    `${namesText(hidden.length)} without a reader, in ${some(directories)}, had no influence`,
  );
}

/** An admission that was made before names were noted. */
export function namesNotNoted({ source, commit }: SliceQuestion): Reason {
  const message = `which names the evaluation of source ${source.name} at ${commit.slice(0, 12)} rests on was not noted when it was admitted`;
  return lacking("listings-not-noted", message, {
    remedy: "admit it again, with the same words: firstmile admit",
  });
}

/** Names that no reading names and that a shell, or another program, may take for more. */
export function oddNames(
  entries: Iterable<TreeName & { readonly version: FileVersion | undefined }>,
  names: NamesCoverage,
): TreeName[] {
  return [...entries].filter(
    ({ path, type, version }) => !isPlainName(nameOf(path)) && !names.existence(path, type, version)?.named,
  );
}

export function oddReason({ source, commit, words }: SliceQuestion, odd: readonly TreeName[]): Reason {
  const because = odd
    .slice(0, SHOWN)
    .map(({ path }) =>
      lacking("odd-name", `${directoryText(directoryOf(path))}: '${visiblePath(nameOf(path))}'`),
    );
  const [first] = odd;
  const more = odd.length > SHOWN ? `, ${SHOWN} of them shown` : "";
  const message = `${namesText(odd.length)} in directories that it lists ${odd.length === 1 ? "has" : "have"} characters other than A-Z a-z 0-9 . _ + @ % , = -, and no reading names ${odd.length === 1 ? "it" : "them"}${more}`;
  return lacking("odd-name", message, {
    because,
    remedy:
      `rename ${visiblePath(first!.path)}, or read it, and the names beside it: firstmile review ${source.name} ${commit.slice(0, 12)} ${words}`.trimEnd(),
  });
}
