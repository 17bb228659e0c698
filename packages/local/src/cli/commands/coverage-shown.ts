/** Coverage as a person reads it: shares, by rule, by kind of evidence, and what ends when. */
import { groupText } from "@firstmile/trust/policy/group-text";
import type { FileStanding } from "@firstmile/trust/slice/cover";
import { countByRule } from "@firstmile/trust/slice/judged";
import { day } from "@firstmile/trust/slice/reason";
import {
  type Amount,
  amountOf,
  type Point,
  type Shares,
  sharesOf,
  together,
  type WaivedPart,
  waivedParts,
} from "../../coverage/counts.ts";
import type { CoveredPart } from "../../coverage/parts.ts";
import type { JudgedDownload } from "../../slicing/downloads.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import type { Counted } from "./coverage.ts";
import { namesCounts, namesLine } from "./names-shown.ts";
import { aligned, count, share, thousands } from "./slice-shown.ts";

export function showCoverage(terminal: Terminal, { parts, downloads, others, rules }: Counted): void {
  const total = together(parts.map(({ files }) => sharesOf(files)));
  const files = parts.flatMap((one) => one.files);
  if (parts.length === 0) terminal.print("nothing is used of which files are judged");
  else {
    for (const line of shareLines(terminal, total)) terminal.print(line);
    for (const part of parts) showPart(terminal, part);
    showKinds(terminal, files);
    showEnds(terminal, waivedParts(files), total);
  }
  showDownloads(terminal, downloads);
  showOutputs(terminal, rules.policy.output);
  if (others.length > 0) {
    terminal.print();
    terminal.print(`by their signed commits, file by file nobody asks: ${others.map(harmless).join(", ")}`);
  }
}

const WORDS = { covered: "green", waived: "yellow", open: "red" } as const;

function shareLines(terminal: Terminal, shares: Shares): string[] {
  const files = sum(shares, "files");
  const lines = sum(shares, "lines");
  const rows = (["covered", "waived", "open"] as const).map((name) => [
    name,
    share(shares[name].files, files),
    `${thousands(shares[name].files)} of ${count(files, "file")}`,
    share(shares[name].lines, lines),
    `${thousands(shares[name].lines)} of ${count(lines, "line")}`,
  ]);
  return aligned(rows, 1).map((line) => {
    const name = line.slice(0, line.indexOf(" ")) as keyof typeof WORDS;
    return line.replace(name, terminal.style(WORDS[name], name));
  });
}

function sum(shares: Shares, of: keyof Amount): number {
  return shares.covered[of] + shares.waived[of] + shares.open[of];
}

function showPart(terminal: Terminal, { source, commit, words, files, names }: CoveredPart): void {
  terminal.print();
  const title = `${source.name} at ${commit.slice(0, 12)}  ${harmless(words)}`.trimEnd();
  terminal.print(
    terminal.style("bold", title.length > terminal.width ? `${title.slice(0, terminal.width - 1)}…` : title),
  );
  const rows = countByRule(source, files).map(({ rule, files: all }) => {
    const own = sharesOf(files.filter((one) => one.rule === rule));
    const asks = rule?.review ? (rule.review.role ?? groupText(rule.review.by)) : "";
    return [
      rule ? `line ${rule.line}  ${rule.paths.map(({ text }) => text).join(" ")}` : "no rule",
      asks,
      thousands(all),
      thousands(own.covered.files),
      share(own.covered.files, all),
      thousands(own.waived.files),
      thousands(own.open.files),
    ];
  });
  const head = ["rule", "asks for", "files", "covered", "share", "waived", "open"];
  for (const line of aligned([head, ...rows], 2)) terminal.print(`  ${line}`);
  const told = namesLine(names);
  if (told !== undefined) terminal.print(`  ${told}`);
}

const KINDS: readonly (readonly [string, (standing: FileStanding) => boolean])[] = [
  ["read whole", (one) => one.kind === "read" && !one.derived],
  ["read change by change", (one) => one.kind === "read" && one.derived],
  ["published by a channel", ({ kind }) => kind === "vouched"],
  ["a version and hash alone, signed by its author", ({ kind }) => kind === "bumped"],
  ["waived", ({ kind }) => kind === "waived"],
  ["not read", (one) => one.kind === "uncovered" && one.ended === undefined],
  ["not read, and a waiver is over", (one) => one.kind === "uncovered" && one.ended !== undefined],
  ["rejected", ({ kind }) => kind === "rejected"],
  ["distrusted", ({ kind }) => kind === "distrusted"],
  ["of no rule", ({ kind }) => kind === "unruled"],
];

function kindsOf(files: CoveredPart["files"]): { name: string; files: number; lines: number }[] {
  return KINDS.map(([name, is]) => ({
    name,
    ...amountOf(files.filter(({ standing }) => is(standing))),
  })).filter((one) => one.files > 0);
}

function showKinds(terminal: Terminal, files: CoveredPart["files"]): void {
  terminal.print();
  const rows = kindsOf(files).map(({ name, files: own, lines }) => [
    name,
    count(own, "file"),
    count(lines, "line"),
  ]);
  for (const line of aligned(rows, 1)) terminal.print(line);
}

/** Ends listed at most. */
const SHOWN = 12;

function showEnds(terminal: Terminal, parts: readonly WaivedPart[], total: Shares): void {
  if (parts.length === 0) return;
  terminal.print();
  terminal.print(terminal.style("bold", "what ends when"));
  let left = total.waived.files;
  for (const { waiver, files, lines } of parts.slice(0, SHOWN)) {
    left -= files;
    const text = `${day(waiver.until)}  ${count(files, "file")}, ${count(lines, "line")}, waived by ${waiver.by.join(" and ")}: ${harmless(waiver.because)}; ${thousands(left)} are left then`;
    terminal.print(`  ${wrap(text, terminal.width - 2, "    ")}`);
  }
  if (parts.length > SHOWN)
    terminal.print(`  and ${parts.length - SHOWN} more waivers: --json has all of them`);
}

const DOWNLOADS: readonly (readonly [string, (one: JudgedDownload) => boolean])[] = [
  ["signed by their authors, handed on", ({ reason }) => reason.ok && reason.code === "handed-off"],
  ["pinned by hash", ({ reason }) => reason.ok && reason.code === "pinned"],
  ["waived", ({ reason }) => reason.ok && reason.code === "waived"],
  ["open", ({ reason }) => !reason.ok],
];

function downloadsOf(downloads: readonly JudgedDownload[]): { name: string; downloads: number }[] {
  return DOWNLOADS.map(([name, is]) => ({ name, downloads: downloads.filter(is).length })).filter(
    (one) => one.downloads > 0,
  );
}

function showDownloads(terminal: Terminal, downloads: readonly JudgedDownload[]): void {
  if (downloads.length === 0) return;
  terminal.print();
  const told = downloadsOf(downloads).map(({ name, downloads: own }) => `${thousands(own)} ${name}`);
  terminal.print(`${count(downloads.length, "download")}: ${told.join(", ")}`);
}

function showOutputs(terminal: Terminal, output: Counted["rules"]["policy"]["output"]): void {
  terminal.print(
    output
      ? `outputs: as role ${output.builders} agrees, ${output.localBuilds ? "or built here" : "and none is built here"}`
      : "outputs: all are built here, and none comes from a cache",
  );
}

export function coverageJson(
  { parts, downloads, others }: Counted,
  points: { past: readonly Point[]; future: readonly Point[] },
) {
  const files = parts.flatMap((one) => one.files);
  return {
    ...together(parts.map((one) => sharesOf(one.files))),
    parts: parts.map(({ source, commit, words, files: own, names }) => ({
      source: source.name,
      commit,
      words,
      ...sharesOf(own),
      names: namesCounts(names),
      rules: countByRule(source, own).map(({ rule, counts }) => ({ line: rule?.line ?? null, counts })),
    })),
    kinds: kindsOf(files),
    waivers: waivedParts(files).map(({ waiver, ...amount }) => ({ ...waiver, ...amount })),
    downloads: downloadsOf(downloads),
    others,
    ...points,
  };
}
