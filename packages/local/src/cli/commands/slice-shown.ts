/** A slice as a person reads it: how much there is, who covers it by which rule, and what is open. */
import { visibleText } from "@firstmile/formats/bytes/visible";
import { spellBytes } from "@firstmile/formats/statement/path";
import { groupText } from "@firstmile/trust/policy/group-text";
import type { Source } from "@firstmile/trust/policy/policy";
import { passes } from "@firstmile/trust/slice/cover";
import { doubtText } from "@firstmile/trust/slice/distrust";
import {
  countByRule,
  countStandings,
  failing,
  type RuleCounts,
  type StandingCounts,
} from "@firstmile/trust/slice/judged";
import { failingNames } from "@firstmile/trust/slice/names-reason";
import { day, readersText, retiredText } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { JudgedDownload } from "../../slicing/downloads.ts";
import type { GatheredCase } from "../../slicing/gather.ts";
import type { Slice, SlicedFile } from "../../slicing/slice-of.ts";
import { unreadText } from "../../statements/unread.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { namesJson, namesLine, showNames } from "./names-shown.ts";

export interface ShownSlice {
  /** Path of a Git repository that has it. */
  readonly repository: string;
  readonly slice: Slice;
  readonly source: Source;
  readonly origin: Reason;
  /** As it is named on a command line: `-A hello`. */
  readonly words: string;
  readonly gathered: GatheredCase;
  readonly downloads: readonly JudgedDownload[];
  /** By path, what an open file is like that was read. */
  readonly likeness?: ReadonlyMap<string, string>;
}

/** Open files listed unless all are asked for. */
export const SHOWN = 20;

export function showSlice(terminal: Terminal, shown: ShownSlice, all: boolean): void {
  const { slice, source, words, origin, gathered } = shown;
  terminal.print(
    terminal.style("bold", `${source.name} at ${slice.commit.slice(0, 12)}  ${harmless(words)}`.trimEnd()),
  );
  for (const line of sizeLines(shown)) terminal.print(`  ${line}`);
  if (slice.how === "strace")
    terminal.say("traced with strace: this machine cannot mount views, so nothing could be held back");
  for (const place of gathered.incomplete) terminal.say(harmless(unreadText(place)));
  if (!origin.ok) terminal.print(`${terminal.style("red", origin.code)}: ${harmless(origin.message)}`);
  terminal.print();
  for (const line of ruleTable(countByRule(source, slice.files))) terminal.print(line);
  terminal.print();
  terminal.print(coverageLine(slice.files));
  showFiles(terminal, shown, all);
  showNames(terminal, slice, all);
  showHelp(terminal, shown);
  showDownloads(terminal, shown, all);
}

function sizeLines({ slice: { files, names, derivations }, downloads }: ShownSlice): string[] {
  const evaluated = files.filter(({ file }) => file.use === "evaluated").length;
  const lines = files.reduce((sum, one) => sum + one.lines, 0);
  const copied = files.length - evaluated;
  return [
    `${count(files.length, "file")}, ${count(lines, "line")}: ${thousands(evaluated)} evaluated, ${thousands(copied)} taken into derivations`,
    ...(names.length === 0 ? [] : [namesLine(names)!]),
    `${count(derivations.size, "derivation")}, ${count(downloads.length, "download")}${downloadWords(downloads)}`,
  ];
}

/** `: 3 signed by their authors, 60 pinned by hash, 6 open`. */
function downloadWords(downloads: readonly JudgedDownload[]): string {
  const counted = DOWNLOAD_WORDS.map(([is, words]) => [downloads.filter(is).length, words] as const);
  const told = counted
    .filter(([number]) => number > 0)
    .map(([number, words]) => `${thousands(number)} ${words}`);
  return told.length === 0 ? "" : `: ${told.join(", ")}`;
}

const DOWNLOAD_WORDS: readonly (readonly [(one: JudgedDownload) => boolean, string])[] = [
  [({ reason }) => reason.code === "handed-off", "signed by their authors"],
  [({ reason }) => reason.code === "pinned", "pinned by hash"],
  [({ reason }) => reason.code === "waived", "waived"],
  [({ reason }) => !reason.ok, "open"],
];

function showDownloads(terminal: Terminal, { downloads }: ShownSlice, all: boolean): void {
  const open = downloads.filter(({ reason }) => !reason.ok);
  const listed = all ? downloads : open.slice(0, SHOWN);
  if (listed.length > 0) terminal.print();
  for (const { reason } of listed) {
    const mark = reason.ok ? terminal.style("green", "✓") : terminal.style("red", "✗");
    terminal.print(wrap(`  ${mark} ${harmless(reason.message)}`, terminal.width, "    "));
  }
  if (!all && open.length > SHOWN) terminal.print(`  and ${thousands(open.length - SHOWN)} more downloads`);
  const remedy = open[0]?.reason.remedy;
  if (remedy !== undefined) terminal.print(`${terminal.style("cyan", "help:")} ${harmless(remedy)}`);
}

/** Whether everything that trust rests on passes. */
export function isWhole({ origin, slice, downloads }: ShownSlice): boolean {
  const files = slice.files.every(({ standing }) => passes(standing));
  const names = failingNames(slice.names).length + slice.odd.length === 0;
  return origin.ok && files && names && downloads.every(({ reason }) => reason.ok);
}

const COLUMNS: readonly (readonly [keyof StandingCounts, string])[] = [
  ["read", "read"],
  ["derived", "of these by change"],
  ["bumped", "bumped"],
  ["vouched", "published"],
  ["waived", "waived"],
  ["uncovered", "open"],
  ["rejected", "rejected"],
  ["distrusted", "distrusted"],
  ["unruled", "no rule"],
];

/** A line for each rule that files came under; columns that are empty throughout are left out. */
function ruleTable(rules: readonly RuleCounts[]): string[] {
  const used = COLUMNS.filter(([key]) => key === "uncovered" || rules.some(({ counts }) => counts[key] > 0));
  const head = ["rule", "asks for", "files", ...used.map(([, title]) => title)];
  const rows = rules.map(({ rule, files, counts }) => [
    rule ? `line ${rule.line}  ${rule.paths.map(({ text }) => visibleText(text)).join(" ")}` : "none",
    rule?.review ? (rule.review.role ?? groupText(rule.review.by)) : "",
    thousands(files),
    ...used.map(([key]) => thousands(counts[key])),
  ]);
  return aligned([head, ...rows], 2);
}

/** Cells in columns; from column `right` on they end under each other. */
export function aligned(rows: readonly (readonly string[])[], right: number): string[] {
  if (rows.length === 0) return [];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const cell = (text: string, i: number) => (i < right ? text.padEnd(widths[i]!) : text.padStart(widths[i]!));
  return rows.map((row) => row.map(cell).join("  ").trimEnd());
}

/** `coverage 93.1 % of files, 90.4 % of lines; 12 waived until 2027-06-01 at the latest`. */
export function coverageLine(files: readonly SlicedFile[]): string {
  const passing = files.filter(({ standing }) => passes(standing));
  const covered = passing.filter(({ standing }) => standing.kind !== "waived");
  const lines = (some: readonly SlicedFile[]) => some.reduce((sum, one) => sum + one.lines, 0);
  const waived = passing.length - covered.length;
  const untils = files.flatMap(({ standing }) => (standing.kind === "waived" ? [standing.waiver.until] : []));
  const meanwhile =
    waived === 0 ? "" : `; ${thousands(waived)} more waived, until ${day(Math.max(...untils))} at the latest`;
  return `coverage ${share(covered.length, files.length)} of files, ${share(lines(covered), lines(files))} of lines${meanwhile}`;
}

/** `93.1 %`, rounded down: nothing but all of it is 100. */
export function share(part: number, whole: number): string {
  return `${whole === 0 ? "100.0" : (Math.floor((part / whole) * 1000) / 10).toFixed(1)} %`;
}

function showFiles(terminal: Terminal, { slice, likeness }: ShownSlice, all: boolean): void {
  const open = slice.files.filter(({ standing }) => !passes(standing));
  const listed = all ? slice.files : open.slice(0, SHOWN);
  if (listed.length > 0) terminal.print();
  for (const one of listed) {
    terminal.print(fileLine(terminal, one));
    const like = likeness?.get(one.file.path);
    if (like !== undefined)
      terminal.print(terminal.style("dim", `    ${wrap(like, terminal.width - 4, "    ")}`));
  }
  if (!all && open.length > SHOWN)
    terminal.print(`  and ${thousands(open.length - SHOWN)} more: --all lists every file`);
}

function showHelp(terminal: Terminal, { slice, source, words }: ShownSlice): void {
  const open = failing(slice.files).length + failingNames(slice.names).length + slice.odd.length;
  if (open === 0) return;
  const command = `firstmile review ${source.name} ${slice.commit.slice(0, 12)} ${words}`.trimEnd();
  terminal.print(`${terminal.style("cyan", "help:")} ${harmless(command)}`);
}

function fileLine(terminal: Terminal, { file, standing, lines }: SlicedFile): string {
  const mark = passes(standing) ? terminal.style("green", "✓") : terminal.style("red", "✗");
  return `  ${mark} ${visiblePath(file.path)}  ${count(lines, "line")}  ${standingText(standing)}`;
}

function sinceText(since: readonly string[] | undefined): string {
  return since === undefined ? "" : `, ${since.join(" and ")} read what changed since`;
}

/** What a file comes to, in some words. */
export function standingText(standing: SlicedFile["standing"]): string {
  switch (standing.kind) {
    case "read":
      return `read${standing.derived ? " by change" : ""} by ${readersText(standing.by, standing.retired)}`;
    case "bumped":
      return standing.because;
    case "vouched":
      return `published by ${standing.by.join(" and ")}`;
    case "waived":
      return `waived by ${standing.waiver.by.join(" and ")} until ${day(standing.waiver.until)}${sinceText(standing.since)}`;
    case "distrusted":
      return `distrusted by ${standing.objection.by.join(" and ")}: ${harmless(standing.objection.because + doubtText(standing.objection.doubt))}`;
    case "rejected":
      return `rejected by ${standing.by.join(" and ")}${doubtText(standing.doubt)}`;
    case "uncovered": {
      const ended = standing.ended ? `, waived until ${day(standing.ended.until)} only` : "";
      const read = standing.have.length > 0 ? `read by ${standing.have.join(" and ")} alone` : "not read";
      return read + ended + retiredText(standing.retired);
    }
    case "unruled":
      return "no rule covers it";
  }
}

export function count(number: number, noun: string): string {
  return `${thousands(number)} ${noun}${number === 1 ? "" : "s"}`;
}

export function thousands(number: number): string {
  return number.toLocaleString("en-US");
}

export function sliceJson({ slice, source, origin, words, downloads }: ShownSlice): unknown {
  return {
    source: source.name,
    commit: slice.commit,
    words,
    origin,
    how: slice.how,
    roots: slice.roots,
    derivations: slice.derivations.size,
    downloads: downloads.map(({ download: { drvPath, name, output, urls }, reason }) => ({
      path: drvPath,
      name,
      output,
      urls,
      reason,
    })),
    counts: countStandings(slice.files),
    rules: countByRule(source, slice.files).map(({ rule, files, counts }) => ({
      line: rule?.line ?? null,
      files,
      counts,
    })),
    names: slice.names.map(namesJson),
    odd: slice.odd.map(({ path }) => spellBytes(path)),
    files: slice.files.map(({ file, lines, standing, rule }) => ({
      path: spellBytes(file.path),
      use: file.use,
      mode: file.mode.toString(8),
      id: file.id,
      sha256: file.sha256,
      lines,
      rule: rule?.line ?? null,
      standing,
    })),
  };
}
