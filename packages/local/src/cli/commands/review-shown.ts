/** A change as it is shown before anybody is asked, and what was signed. */

import { dirname } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { type DiffStyle, diffText } from "../../reviewing/diff-text.ts";
import type { KeptStatement } from "../../reviewing/keep.ts";
import type { LongestShown } from "../../reviewing/longest-shown.ts";
import { isStatementsFolder } from "../../reviewing/place-for.ts";
import type { ReviewRange } from "../../reviewing/range.ts";
import type { RangeCommit } from "../../reviewing/range-commits.ts";
import type { LineCount, ReadChange } from "../../reviewing/read-change.ts";
import { fitted } from "../../reviewing/rows.ts";
import { STATEMENTS_FOLDER, STATEMENTS_REF } from "../../statements/place.ts";
import type { WritablePlace } from "../../statements/write.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { longLineText } from "./review-work-shown.ts";

/** Commits and hidden files that are named one by one. */
const SHOWN = 20;

export interface Shown {
  readonly range: ReviewRange;
  readonly change: ReadChange;
  readonly commits: readonly RangeCommit[];
  readonly counts: readonly LineCount[];
  readonly longest: LongestShown | undefined;
}

/** Summary, commits, diff. */
export async function* shownText(terminal: Terminal, shown: Shown): AsyncGenerator<string> {
  const paint = (style: DiffStyle, text: string) => terminal.style(style, text);
  yield `${terminal.style("bold", wrap(summaryText(shown), terminal.width, "  "))}\n`;
  for (const { id, author, subject } of shown.commits.slice(0, SHOWN))
    yield `${fitted(`  ${id.slice(0, 12)}  ${author}: ${subject}`, terminal.width)}\n`;
  const more = shown.commits.length - SHOWN;
  if (more > 0) yield `  and ${more} commits more\n`;
  yield "\n";
  yield* diffText(shown.change, paint, { whole: false, unnamed: false, columns: terminal.width });
}

/** `3 files, +12 -4, between 0123456789ab and ba9876543210`. */
export function summaryText({ range: { base, tip }, counts }: Shown): string {
  const sum = (of: "added" | "removed") => counts.reduce((lines, count) => lines + (count[of] ?? 0), 0);
  const files = counts.length === 1 ? "1 file" : `${counts.length} files`;
  const from = base === undefined ? `, all of ${short(tip)}` : `, from ${short(base)} to ${short(tip)}`;
  return `${files}, +${sum("added")} -${sum("removed")}${from}`;
}

/** What a person has to know before saying anything. */
export function warnings(
  shown: Shown,
  repository: string,
  fork: string | undefined,
  columns: number,
): string[] {
  const own = shown.commits.filter((commit) => commit.own);
  const long = shown.longest ? longestText(shown.longest, columns) : [];
  return [...hiddenText(shown), ...long, ...forkText(shown.range, fork, repository), ...ownText(own)];
}

function longestText(longest: LongestShown, columns: number): string[] {
  const gone = longest.isGone ? ", as it was before," : "";
  return longLineText(longest, columns, ` of ${visibleText(longest.file)}${gone}`);
}

/** Git calls binary what has a NUL byte early on: a script may have one and run all the same. */
function hiddenText({ counts, change }: Shown): string[] {
  const hidden = counts.filter(({ added }) => added === undefined);
  if (hidden.length === 0) return [];
  const digests = new Map(change.changes.map(({ path, after }) => [path, after?.sha256]));
  const names = hidden.slice(0, SHOWN).map(({ path }) => {
    const digest = digests.get(path);
    return `${visiblePath(path)} (${digest === undefined ? "removed" : `SHA-256 ${digest}`})`;
  });
  const more = hidden.length > SHOWN ? ` and ${hidden.length - SHOWN} more` : "";
  const how = hidden.length === 1 ? "1 binary file is" : `${hidden.length} binary files are`;
  return [`${how} in it and not shown: ${names.join(", ")}${more}`];
}

function forkText({ base, tip }: ReviewRange, fork: string | undefined, repository: string): string[] {
  if (fork === undefined || base === undefined) return [];
  const undone = `${short(tip)} does not build on ${short(base)}: this also undoes what ${short(base)} has beyond ${short(fork)}.`;
  if (fork === tip) return [undone];
  return [
    `${undone} To read only what was added: firstmile review ${repository} ${short(fork)}..${short(tip)}`,
  ];
}

function ownText(own: readonly RangeCommit[]): string[] {
  if (own.length === 0) return [];
  const ids = own.slice(0, 3).map(({ id }) => short(id));
  const more = own.length > 3 ? ` and ${own.length - 3} more` : "";
  return [
    `you had a part in ${ids.join(", ")}${more}, by your address: your review does not count for what you wrote`,
  ];
}

/** `statement 0123456789ab in refs/firstmile/statements`. */
export function keptText(kept: readonly KeptStatement[], place: WritablePlace): string {
  const where = place.kind === "ref" ? STATEMENTS_REF : harmless(place.path);
  const known = kept.every(({ fresh }) => !fresh) ? "; you had signed that before" : "";
  if (kept.length > 1) return `${kept.length} statements in ${where}${known}`;
  return `statement ${short(kept[0]!.name)} in ${where}${known}`;
}

/** How it gets to whoever decides by it. */
export function onwardText(place: WritablePlace): string {
  if (place.kind === "ref") return `push it: git push origin ${STATEMENTS_REF}`;
  if (!isStatementsFolder(place.path)) return "hand that directory to whoever decides by it";
  const repository = harmless(dirname(place.path));
  return `commit it: git -C ${repository} add ${STATEMENTS_FOLDER} && git -C ${repository} commit -S`;
}

/** A line below a headline, broken where the terminal ends. */
export function tell(terminal: Terminal, text: string): void {
  terminal.print(`  ${wrap(text, terminal.width - 2, "    ")}`);
}

export function warn(terminal: Terminal, text: string): void {
  const words = `${terminal.style("yellow", "note:")} ${text}`;
  terminal.say(wrap(words, terminal.width, "  "));
}

export function short(id: string): string {
  return id.slice(0, 12);
}
