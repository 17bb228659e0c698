/** A report as Markdown, as forges show it below a pull request. Text from the change cannot become markup. */
import { harmlessText } from "@firstmile/formats/bytes/visible";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import {
  type CheckFinding,
  type CheckReport,
  coveredPercent,
  type SliceCheck,
  waitingFor,
} from "./report.ts";

/** Findings listed; a comment has a limit at every forge. */
const SHOWN = 50;

export function markdownReport(report: CheckReport): string {
  const { source, base, head, change, findings, slices } = report;
  const verdict = findings.length === 0 ? "✅ Nothing is open" : `❌ ${plural(findings.length, "finding")}`;
  return [
    `### Firstmile: ${verdict}`,
    "",
    `${code(source)} from ${code(base.slice(0, 12))} to ${code(head.slice(0, 12))}: ${plural(change.files, "file")}, +${change.added} −${change.removed}`,
    ...section("What is open", findingLines(findings)),
    ...section("Who can help", whoLines(findings)),
    ...section("What it changes for what is built", sliceLines(slices)),
    "",
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `#### ${title}`, "", ...lines];
}

function findingLines(findings: readonly CheckFinding[]): string[] {
  if (findings.length === 0) return [];
  const rows = findings.slice(0, SHOWN).map(({ path, line, message, code: id, remedy }) => {
    const where = path === undefined ? "" : code(`${visiblePath(path)}:${line}`);
    return `| ${where} | ${code(id)} | ${text(message)}${remedy === undefined ? "" : `<br>${text(remedy)}`} |`;
  });
  const more = findings.length > SHOWN ? ["", `and ${findings.length - SHOWN} more`] : [];
  return ["| file | code | what, and what helps |", "|---|---|---|", ...rows, ...more];
}

function whoLines(findings: readonly CheckFinding[]): string[] {
  return [...waitingFor(findings)].map(
    ([name, files]) => `- **${text(name)}** could read ${plural(files, "file")}`,
  );
}

function sliceLines(slices: readonly SliceCheck[]): string[] {
  if (slices.length === 0) return [];
  const head = [
    "| attribute | files read | changed | open | covered | derivations | downloads |",
    "|---|---|---|---|---|---|---|",
  ];
  return [...head, ...slices.map(sliceRow), ...slices.flatMap(downloadLines), ...slices.flatMap(namesLines)];
}

function sliceRow({ words, failure, before, after, changed, derivations }: SliceCheck): string {
  if (failure || !after) return `| ${code(words)} | ${text(failure?.message ?? "is not there")} | | | | | |`;
  const arrow = (old: number | undefined, now: number) =>
    old === undefined || old === now ? `${now}` : `${old} → ${now}`;
  const [old, now] = [before && coveredPercent(before), coveredPercent(after)];
  const covered =
    now === undefined ? "by commits" : old === undefined || old === now ? `${now} %` : `${old} % → ${now} %`;
  const cells = [
    code(words),
    arrow(before?.files, after.files),
    `${changed.files}`,
    `${changed.open}`,
    covered,
    `+${derivations.fresh} −${derivations.gone}`,
    arrow(before?.downloads, after.downloads),
  ];
  return `| ${cells.join(" | ")} |`;
}

function downloadLines({ words, downloads }: SliceCheck): string[] {
  if (downloads.length === 0) return [];
  const lines = downloads
    .slice(0, SHOWN)
    .map(({ before, after }) => `- ${code(before ?? "nothing")} → ${code(after ?? "nothing")}`);
  return ["", `Downloads of ${code(words)}:`, ...lines];
}

function namesLines({ words, changed: { names } }: SliceCheck): string[] {
  if (names.length === 0) return [];
  const lines = names.slice(0, SHOWN).map((one) => `- ${text(one)}`);
  const more = names.length > SHOWN ? [`- and ${names.length - SHOWN} more`] : [];
  return ["", `Names that ${code(words)} is told of:`, ...lines, ...more];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Nothing in it is markup, and no line ends in it. */
function text(words: string): string {
  return harmlessText(words)
    .replace(/[\\`*_{}[\]()#+!|<>&~@]/g, (char) => `\\${char}`)
    .replace(/\s+/g, " ");
}

/** A code span whose fence is longer than any run of backticks in it; a bar would end the cell. */
function code(words: string): string {
  const flat = harmlessText(words).replace(/\s+/g, " ").replaceAll("|", "¦");
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}
