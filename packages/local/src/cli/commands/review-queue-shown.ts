/** The queue of a team as it is read: by rule and by who is left, the smallest first. */
import { visibleText } from "@firstmile/formats/bytes/visible";
import { spellBytes } from "@firstmile/formats/statement/path";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Rule } from "@firstmile/trust/policy/policy";
import { failing } from "@firstmile/trust/slice/judged";
import { day } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { GoneFile } from "../../reviewing/gone-files.ts";
import type { NamesWork } from "../../reviewing/names-work.ts";
import { groupQueue, type QueuedWork } from "../../reviewing/queue.ts";
import { isOpen, type ReviewWork } from "../../reviewing/work.ts";
import type { SlicedFile } from "../../slicing/slice-of.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { namesJson, namesPath, namesStanding } from "./names-shown.ts";
import type { ShownQueue } from "./review-list.ts";
import { short, tell } from "./review-shown.ts";
import { closedText, namesSize } from "./review-sitting-shown.ts";
import { asks, pathOf } from "./review-work-shown.ts";
import { count, coverageLine, standingText, thousands } from "./slice-shown.ts";

/** Files of one group that are listed unless all are asked for. */
const SHOWN = 15;

export function showQueue(terminal: Terminal, shown: ShownQueue): void {
  const { read, queue, names, all } = shown;
  terminal.print(terminal.style("bold", headline(shown)));
  tell(terminal, coverageLine(read.files));
  tell(terminal, queueText(queue, shown.for));
  showNamesQueue(terminal, shown.read, names, all);
  showGone(terminal, shown.gone, all);
  let rule: Rule | undefined | null = null;
  for (const group of groupQueue(queue)) {
    if (group.rule !== rule) showRule(terminal, group.rule);
    rule = group.rule;
    tell(terminal, peopleText(group.queue[0]!));
    const listed = all ? group.queue : group.queue.slice(0, SHOWN);
    for (const { work } of listed) terminal.print(`  ${workLine(terminal, work)}`);
    const more = group.queue.length - listed.length;
    if (more > 0)
      terminal.print(terminal.style("dim", `${" ".repeat(12)}and ${thousands(more)} more: --all`));
  }
  showClosed(terminal, read.files, all);
}

/** Files that people read and that are no longer there: shown with what is read next. */
function showGone(terminal: Terminal, gone: readonly GoneFile[], all: boolean): void {
  if (gone.length === 0) return;
  const are = gone.length === 1 ? "is" : "are";
  tell(terminal, `${count(gone.length, "file")} that people read ${are} gone: shown with what is read next`);
  for (const { path, before, lines } of all ? gone : gone.slice(0, SHOWN))
    terminal.print(
      `${thousands(lines ?? 0).padStart(8)}  ${terminal.style("dim", "gone  ")}  ${visiblePath(path)}, which ${before.by.join(" and ")} read`,
    );
}

/** Before what is told of names. */
const INDENT = " ".repeat(12);

/** Names, with what differs and who is asked. */
function showNamesQueue(
  terminal: Terminal,
  { gathered }: ShownQueue["read"],
  names: readonly NamesWork[],
  all: boolean,
): void {
  if (names.length === 0) return;
  tell(terminal, `${namesSize(names)} to read`);
  terminal.print();
  for (const { judged, lines } of all ? names : names.slice(0, SHOWN)) {
    const who = missingText(gathered.names.completions(judged.names));
    const kind = terminal.style("dim", "names ");
    terminal.print(`  ${thousands(lines).padStart(8)}  ${kind}  ${namesPath(judged)}`);
    const told = `${namesStanding(judged)}; ${who}`;
    terminal.print(`${INDENT}${wrap(told, terminal.width, INDENT)}`);
  }
  const more = names.length - SHOWN;
  if (!all && more > 0)
    terminal.print(terminal.style("dim", `${" ".repeat(12)}and ${thousands(more)} more: --all`));
}

/** Files that no reading lifts, and why. */
function showClosed(terminal: Terminal, files: readonly SlicedFile[], all: boolean): void {
  const closed = failing(files).filter((one) => !isOpen(one));
  if (closed.length === 0) return;
  terminal.print();
  terminal.print(wrap(closedText(files)!, terminal.width, "  "));
  for (const one of all ? closed : closed.slice(0, SHOWN))
    terminal.print(`  ${visiblePath(one.file.path)}  ${standingText(one.standing)}`);
}

/** `core at 0123456789ab  -A gcc`. */
export function headline({ read: { source, target, words } }: ShownQueue): string {
  return `${source.name} at ${short(target.commit)}  ${harmless(words)}`.trimEnd();
}

function queueText(queue: readonly QueuedWork[], name: string | undefined): string {
  const who = name === undefined ? "" : ` for ${name}`;
  const lines = queue.reduce((sum, { work }) => sum + work.lines, 0);
  const files = queue.reduce((sum, { work }) => sum + work.files.length, 0);
  if (queue.length === 0) return `nothing to read${who}`;
  return `${count(files, "file")} to read${who}, ${count(lines, "line")}`;
}

function showRule(terminal: Terminal, rule: Rule | undefined): void {
  const paths = rule?.paths.map(({ text }) => visibleText(text)).join(" ") ?? "";
  terminal.print();
  const text = `rule at line ${rule?.line}  ${paths}  asks for ${asks(rule)}`;
  terminal.print(terminal.style("cyan", wrap(text, terminal.width, "  ")));
}

/** `alice has read it; bob or carol is missing`. */
export function peopleText({ have, wrote, completions }: QueuedWork): string {
  const parts = [
    have.length > 0 ? `${have.join(" and ")} has read it` : "",
    wrote.length > 0 ? `${wrote.join(" and ")} had a part in it` : "",
    missingText(completions),
  ];
  return parts.filter(Boolean).join("; ");
}

/** More sets of people are told as how many of them it takes. */
const SETS = 4;

export function missingText(completions: readonly (readonly PrincipalName[])[]): string {
  if (completions.length === 0) return "nobody is left whose reading would count";
  const size = completions[0]!.length;
  const names = [...new Set(completions.flat())].sort();
  if (size > 1 && completions.length > SETS) return `${size} of ${names.join(", ")} have to read it`;
  const sets = completions.map((set) => set.join(" and "));
  return `${either(sets)} ${size === 1 ? "has" : "have"} to read it`;
}

/** `alice, bob or carol`. */
function either(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

/** Lines to read, whether it is a change, and where. */
function workLine(terminal: Terminal, work: ReviewWork): string {
  const kind = work.binary ? "binary" : work.before === undefined ? "whole" : "change";
  const { standing } = work.files[0]!;
  const waived = standing.kind === "waived" ? `  waived until ${day(standing.waiver.until)}` : "";
  return `${thousands(work.lines).padStart(8)}  ${terminal.style("dim", kind.padEnd(6))}  ${pathOf(work)}${waived}`;
}

export function queueJson({ read, queue, names, gone }: ShownQueue): unknown {
  return {
    source: read.source.name,
    commit: read.target.commit,
    words: read.words,
    queue: queue.map(queuedJson),
    gone: gone.map(({ path, before, lines = null }) => ({
      path: spellBytes(path),
      before: before.content.id,
      by: before.by,
      lines,
    })),
    names: names.map(({ judged, lines }) => ({
      ...namesJson(judged),
      lines,
      completions: read.gathered.names.completions(judged.names),
    })),
  };
}

export function queuedJson({ work, rule, have, wrote, left, completions }: QueuedWork) {
  const { files, before, after, lines, wholeLines, bytes, binary } = work;
  const { standing } = files[0]!;
  return {
    paths: files.map(({ file }) => spellBytes(file.path)),
    lines,
    wholeLines,
    bytes,
    binary,
    before: before ? { id: before.content.id, path: spellBytes(before.path), by: before.by } : null,
    after: { id: after.id, sha256: after.sha256, mode: after.mode.toString(8) },
    rule: rule?.line ?? null,
    have,
    wrote,
    left,
    completions,
    waivedUntil: standing.kind === "waived" ? standing.waiver.until : null,
  };
}
