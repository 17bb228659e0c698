/** A piece of review work as a person reads it: what it is, who is asked, and then what differs, or all of it. */
import { groupText } from "@firstmile/trust/policy/group-text";
import type { Rule } from "@firstmile/trust/policy/policy";
import type { CoveredContent } from "@firstmile/trust/slice/beginnings";
import type { PeopleOfFile } from "@firstmile/trust/slice/cover";
import { day } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { type DiffStyle, diffText } from "../../reviewing/diff-text.ts";
import type { GoneFile } from "../../reviewing/gone-files.ts";
import type { LongLine } from "../../reviewing/measure.ts";
import type { ReadChange } from "../../reviewing/read-change.ts";
import { CONTINUED, cellsOf, fitted } from "../../reviewing/rows.ts";
import type { ReviewWork } from "../../reviewing/work.ts";
import { type Terminal, wrap } from "../terminal.ts";
import { count } from "./slice-shown.ts";

/** More is told to be much. */
const MUCH = 2000;

export interface ShownWork {
  readonly work: ReviewWork;
  readonly people: PeopleOfFile;
  /** All that is signed: from what it was before, or whole, then perhaps from what it is like with every line around. */
  readonly change: ReadChange;
  /** Read elsewhere, where that does not count: shown so that a reader sees what is new. */
  readonly like: CoveredContent | undefined;
}

/** What it is shown on: a terminal, or a file in an editor. */
export type Paper = Pick<Terminal, "style" | "width"> & { readonly forEditor?: boolean };

/** The colon of what an editor takes for its settings. */
const SETTINGS = /(?<=(?:vi|vim|ex|variables)(?:[<=>]?\d+)?):/gi;

export async function* workText(paper: Paper, shown: ShownWork): AsyncGenerator<string> {
  const { work, like, change } = shown;
  const told = (line: string) => (paper.forEditor ? line.replace(SETTINGS, "\\x3a") : line);
  yield `\n${paper.style("bold", fitted(told(pathOf(work)), paper.width))}\n`;
  for (const line of facts(shown, paper.width)) yield paragraph(told(line), paper.width, "  ");
  yield "\n";
  const paint = (style: DiffStyle, text: string) => paper.style(style, text);
  yield* diffText(change, paint, {
    whole: like !== undefined,
    unnamed: true,
    columns: paper.width,
    forEditor: paper.forEditor,
  });
}

/** A file that went away, with every line that goes. */
export async function* goneText(paper: Paper, gone: GoneFile, change: ReadChange): AsyncGenerator<string> {
  yield `\n${paper.style("bold", fitted(`${visiblePath(gone.path)} is gone`, paper.width))}\n`;
  const by = `${gone.before.by.join(" and ")} read it`;
  if (gone.isAt !== undefined)
    return yield paragraph(`${by}; the same content is at ${visiblePath(gone.isAt)}`, paper.width, "  ");
  const told = `${by}: ${count(gone.lines ?? 0, "line")} that this commit no longer has`;
  yield `${paragraph(told, paper.width, "  ")}\n`;
  const paint = (style: DiffStyle, text: string) => paper.style(style, text);
  yield* diffText(change, paint, { whole: false, unnamed: true, columns: paper.width });
}

/** Words below a headline, in rows that fit: however long a word is, no row begins with a part of it alone. */
export function paragraph(text: string, columns: number, indent: string): string {
  const rows = `${indent}${wrap(text, columns - indent.length, indent)}`.split("\n");
  return rows.map((row) => `${fitted(row, columns)}\n`).join("");
}

function facts(shown: ShownWork, columns: number): string[] {
  const { work, like } = shown;
  return [beginningText(work, like), ruleText(shown), ...elsewhere(work), ...warnings(work, columns)];
}

/** `4 lines differ from what alice read`. */
function beginningText(
  { before, lines, files, after, spaceOnly }: ReviewWork,
  like: CoveredContent | undefined,
): string {
  const whole = `${modeText(after.mode)}${count(lines, "line")}, to be read whole`;
  if (before !== undefined) {
    const at = before.path === files[0]!.file.path ? "" : ` at ${visiblePath(before.path)}`;
    const differ =
      lines === 0 ? "only its mode differs" : `${count(lines, "line")} ${lines === 1 ? "differs" : "differ"}`;
    const by = before.by.join(" and ");
    const space = spaceOnly ? ", in white space alone" : "";
    if (before.waiver)
      return `${differ} from what ${by} waived until ${day(before.waiver.until)}${space}: so it passes till then`;
    return `${differ} from what ${by} read${at}${space}`;
  }
  if (like === undefined) return whole;
  if (like.content.id === after.id)
    return `${whole}: it is what ${like.by.join(" and ")} read at ${visiblePath(like.path)}, which does not count here`;
  return `${whole}: marked is what differs from ${visiblePath(like.path)}, which ${like.by.join(" and ")} read and which does not count here`;
}

function modeText(mode: number): string {
  if (mode === 0o120000) return "a symbolic link, ";
  if (mode === 0o100664) return "writable by its group, ";
  return mode === 0o100755 ? "executable, " : "";
}

function ruleText({ work, people: { have, wrote } }: ShownWork): string {
  const { rule, standing } = work.files[0]!;
  const said = [
    `the rule at line ${rule?.line} asks for ${asks(rule)}`,
    have.length > 0 ? `${have.join(" and ")} has read it` : "",
    wrote.length > 0 ? `${wrote.join(" and ")} had a part in it` : "",
    standing.kind === "waived" ? `waived until ${day(standing.waiver.until)}` : "",
  ];
  return said.filter(Boolean).join("; ");
}

/** `role reader (2 of alice, bob, carol)`. */
export function asks(rule: Rule | undefined): string {
  if (!rule?.review) return "nobody";
  const { role, by } = rule.review;
  return role === undefined ? groupText(by) : `role ${role}`;
}

/** All of them: whoever signs has to know what for. */
function elsewhere({ files }: ReviewWork): string[] {
  const others = files.slice(1).map(({ file }) => visiblePath(file.path));
  return others.length === 0 ? [] : [`the same is at ${others.join(", ")}, and is signed with it`];
}

/** What a diff does not show, or hides by its length. */
export function warnings({ binary, bytes, lines, longest, after }: ReviewWork, columns: number): string[] {
  if (binary)
    return [
      `it is binary, ${count(bytes, "byte")}, and not shown: look at it by other means; its SHA-256 is ${after.sha256}`,
    ];
  const long = lines > MUCH ? [`it is long: ${count(lines, "line")} to read`] : [];
  return [...long, ...longLineText(longest, columns)];
}

/** `line 1 has 5,029 characters; a row that begins with ↳ goes on with the one above`; nothing of a line that fits. */
export function longLineText({ line, characters }: LongLine, columns: number, where = ""): string[] {
  if (characters < cellsOf(columns)) return [];
  const told = `line ${line}${where} has ${count(characters, "character")}`;
  return [`${told}; a row that begins with ${CONTINUED} goes on with the one above`];
}

/** `pkgs/hello.nix`, or with how many more it stands for. */
export function pathOf({ files }: ReviewWork): string {
  const more = files.length > 1 ? ` and ${files.length - 1} more of the same` : "";
  return `${visiblePath(files[0]!.file.path)}${more}`;
}

/** How much there is to read of it. */
export function sizeText({ before, lines }: ReviewWork): string {
  if (before === undefined) return count(lines, "line");
  return lines === 0 ? "a change of mode" : `${count(lines, "line")} of change`;
}
