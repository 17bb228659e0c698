/**
 * A slice's verdict as one finding among others: what covers it, or which files do not pass, and what would help. What
 * names do not pass is told by names-reason.ts; here they are counted with the files.
 */

import type { Source } from "../policy/policy.ts";
import type { ReasonCode } from "../verdict/codes.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";
import type { SliceCoverage } from "./cover.ts";
import { doubtText, objectionText } from "./distrust.ts";
import { failing, type JudgedFile } from "./judged.ts";
import type { JudgedNames } from "./names-coverage.ts";
import { countText } from "./names-text.ts";
import { shellWord, visiblePath } from "./visible-path.ts";
import type { Waived } from "./waivers.ts";

/** Files shown below one finding; `firstmile slice` lists all. */
const SHOWN = 10;

export interface SliceQuestion {
  readonly source: Source;
  /** Whole. */
  readonly commit: string;
  /** What was evaluated, in a person's words: `-A hello`. */
  readonly words: string;
  readonly coverage: SliceCoverage;
  /** By path, what a file is like that was read: `98 % of its lines equal pkgs/a.nix, which alice read; 1 hunk differs`. */
  readonly likeness?: ReadonlyMap<string, string>;
}

export function sliceReason(
  question: SliceQuestion,
  judged: readonly JudgedFile[],
  names: readonly JudgedNames[] = [],
): Reason {
  const { source, commit } = question;
  const bad = failing(judged);
  const at = `source ${source.name} at ${commit.slice(0, 12)}`;
  if (bad.length > 0) return denial(question, at, judged.length, bad);
  const all = [...judged, ...names];
  return found(
    "covered",
    `${partsText(all)} that it reads of ${at} ${all.length === 1 ? "is" : "are"} covered`,
    proofs(all),
  );
}

function denial(question: SliceQuestion, at: string, all: number, bad: readonly JudgedFile[]): Reason {
  const { source, commit, words } = question;
  const because = worst(bad).map((one) => fileReason(question, one));
  const more = bad.length > SHOWN ? `, ${SHOWN} of them shown` : "";
  const message = `${bad.length} of ${filesText(all)} that it reads of ${at} ${bad.length === 1 ? "is" : "are"} not covered${more}`;
  // Of what is only an input of something else the files themselves are named.
  const named =
    words === "" ? bad.slice(0, NAMED).map(({ file }) => `--path ${shellWord(file.path)}`) : [words];
  const remedy = `firstmile review ${source.name} ${commit.slice(0, 12)} ${named.join(" ")}`;
  return lacking(because[0]!.code, message, { because, remedy });
}

/** Of files that do not pass, those that are told. */
export function worst(bad: readonly JudgedFile[]): JudgedFile[] {
  return bad.toSorted((a, b) => severity(a) - severity(b)).slice(0, SHOWN);
}

/** Files in a command that a person is to type. */
const NAMED = 5;

const SEVERITY: Readonly<Partial<Record<JudgedFile["standing"]["kind"], number>>> = {
  distrusted: 0,
  rejected: 1,
  unruled: 2,
};

function severity({ standing }: JudgedFile): number {
  return SEVERITY[standing.kind] ?? 3;
}

/** Why one file passes, or does not. */
export function fileReason(
  { source, commit, coverage, likeness }: SliceQuestion,
  { file, rule, standing }: JudgedFile,
): Reason {
  const path = visiblePath(file.path);
  switch (standing.kind) {
    case "distrusted":
      return lacking("distrusted", `${path}: ${objectionText(standing.objection)}`, {
        remedy: "use a version without a distrust against it",
      });
    case "rejected":
      return lacking("review-rejected", `${path}: ${rejectedText(standing)}`, {
        remedy: "change what was rejected; the review says why",
      });
    case "unruled":
      return lacking("not-covered", `${path}: no rule of source ${source.name} covers this path`, {
        remedy: `add [[source.${source.name}.rule]] with paths that cover it`,
      });
    case "uncovered":
      return uncovered(`${path}: ${lackingText(standing.have, rule)}${retiredText(standing.retired)}`, {
        like: likeness?.get(file.path),
        ended: standing.ended,
        who: coverage.completions(file.path, file),
        where: `firstmile review ${source.name} ${commit.slice(0, 12)} --path ${shellWord(path)}`,
      });
    case "waived":
      return waivedReason(path, standing.waiver, standing.since);
    default: {
      const [code, words] = proofText(standing)!;
      return found(code, `${path}: ${words}`);
    }
  }
}

/** `bob rejected it as it is`. */
export function rejectedText(
  { by, doubt }: Pick<RejectedStanding, "by" | "doubt">,
  what = "it as it is",
): string {
  return `${by.join(" and ")} rejected ${what}${doubtText(doubt)}`;
}

type RejectedStanding = JudgedFile["standing"] & { readonly kind: "rejected" };

/** Tells a reader that their own reading is there, and needs only to be signed again. */
export function retiredText(retired: readonly string[] = []): string {
  if (retired.length === 0) return "";
  const who = retired.join(" and ");
  return `; ${who} read it with a key that was retired (${who}: firstmile review --again)`;
}

/** `alice with a key that was retired and bob`. */
export function readersText(by: readonly string[], retired: readonly string[] = []): string {
  const words = by.map((name) => (retired.includes(name) ? `${name} with a key that was retired` : name));
  return words.join(" and ");
}

function lackingText(have: readonly string[], rule: JudgedFile["rule"]): string {
  const group = rule?.review?.role
    ? `role ${rule.review.role}`
    : `the reviewers of the rule at line ${rule?.line}`;
  if (have.length > 0) return `only ${have.join(" and ")} of ${group} has read it`;
  return `${group} ${rule?.review?.role ? "has" : "have"} not read it`;
}

interface UncoveredFile {
  readonly like: string | undefined;
  readonly ended: Waived | undefined;
  readonly who: readonly (readonly string[])[];
  readonly where: string;
}

function uncovered(message: string, { like, ended, who, where }: UncoveredFile): Reason {
  const code: ReasonCode = ended ? "waiver-expired" : "not-covered";
  const waived = ended ? `, and ${ended.by.join(" and ")} waived that until ${day(ended.until)} only` : "";
  const sets = who.map((people) => people.join(" and ")).join(", or ");
  const alike = like === undefined ? "" : `; ${like}`;
  return lacking(code, message + waived + alike, {
    remedy: `to be read by ${sets === "" ? "a person who had no part in it" : sets}: ${where}`,
  });
}

/** A file, a listing, or whether a name exists. */
type JudgedPart = JudgedFile | JudgedNames;

/** `2 files, 1 listing and 1 asked name`. */
export function partsText(parts: readonly JudgedPart[]): string {
  const names = parts.flatMap((part) => ("names" in part ? [part.names.kind] : []));
  const listings = names.filter((kind) => kind === "listing").length;
  const counted = countText(listings, names.length - listings);
  const files = parts.length - names.length;
  if (counted === undefined) return filesText(files);
  if (files === 0) return counted;
  return `${filesText(files)}${counted.includes(" and ") ? ", " : " and "}${counted}`;
}

/** Who covers them, and every waiver that was used: told however many there are. */
function proofs(parts: readonly JudgedPart[]): Reason[] {
  const lines = new Map<string, JudgedPart[]>();
  const waivers = new Map<string, { used: WaivedStanding; parts: JudgedPart[] }>();
  for (const part of parts) {
    const { standing } = part;
    if (standing.kind === "waived") {
      const key = [standing.waiver.statement, ...(standing.since ?? [])].join(" ");
      const known = waivers.get(key) ?? { used: standing, parts: [] };
      known.parts.push(part);
      waivers.set(key, known);
    } else {
      const text = proofText(standing)?.join("\0");
      const known = text === undefined ? undefined : lines.get(text);
      if (known) known.push(part);
      else if (text !== undefined) lines.set(text, [part]);
    }
  }
  const covered = [...lines].map(([text, some]) => {
    const [code, words] = text.split("\0") as [ReasonCode, string];
    return found(code, `${partsText(some)} ${words}`);
  });
  const waived = [...waivers.values()].map(({ used, parts: some }) =>
    waivedReason(partsText(some), used.waiver, used.since),
  );
  return [...covered, ...waived];
}

/** What speaks for something that passes, in some words; undefined of what does not, and of what is waived. */
export function proofText(standing: JudgedPart["standing"]): [ReasonCode, string] | undefined {
  switch (standing.kind) {
    case "read":
      return standing.derived
        ? ["derived", `read change by change by ${readersText(standing.by, standing.retired)}`]
        : ["covered", `read by ${readersText(standing.by, standing.retired)}`];
    case "vouched":
      return ["vouched", `published by ${standing.by.join(" and ")}`];
    case "bumped":
      return ["bumped", standing.because];
    case "known":
      return ["covered", "read as what is there"];
    case "shown":
      return ["shown", "not read: the rule lets names pass"];
    default:
      return undefined;
  }
}

/** A waiver that was used, wherever one is. */
export function waivedReason(
  what: string,
  { by, until, because }: Waived,
  since: readonly string[] = [],
): Reason {
  const changes = since.length === 0 ? "" : `, with changes since that ${since.join(" and ")} read`;
  return found("waived", `${what} waived until ${day(until)} by ${by.join(" and ")}${changes}: ${because}`);
}

type WaivedStanding = JudgedFile["standing"] & { readonly kind: "waived" };

function filesText(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

/** `2027-06-01`. */
export function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
