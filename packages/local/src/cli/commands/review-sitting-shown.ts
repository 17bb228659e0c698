/** What a sitting begins with and ends with, for people and programs. */
import { spellBytes } from "@firstmile/formats/statement/path";
import { countStandings, failing } from "@firstmile/trust/slice/judged";
import { directoryOf } from "@firstmile/trust/slice/names";
import { failingNames } from "@firstmile/trust/slice/names-reason";
import { partsText } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { ForReader } from "../../reviewing/for-reader.ts";
import type { KeptStatement } from "../../reviewing/keep.ts";
import type { NamesWork } from "../../reviewing/names-work.ts";
import type { SaidOfNames, SaidOfWork } from "../../reviewing/sitting.ts";
import { type FoundWork, isOpen, type ReviewWork } from "../../reviewing/work.ts";
import type { SlicedFile } from "../../slicing/slice-of.ts";
import { unreadText } from "../../statements/unread.ts";
import type { WritablePlace } from "../../statements/write.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { namesJson } from "./names-shown.ts";
import type { ReviewFiles } from "./review-files.ts";
import { keptText, onwardText, short, tell, warn } from "./review-shown.ts";
import type { SeenAtOnce } from "./review-sitting.ts";
import { count, coverageLine, thousands } from "./slice-shown.ts";

export function tellOpening(
  terminal: Terminal,
  { source, target, words, files }: ReviewFiles,
  { mine, others }: ForReader,
): void {
  const what = `${source.name} at ${short(target.commit)}  ${harmless(words)}`.trimEnd();
  terminal.print(terminal.style("bold", what));
  tell(terminal, toReadText(mine));
  const rest = [
    others.read.length > 0 ? `${thousands(filesIn(others.read))} you have read` : "",
    others.wrote.length > 0 ? `${thousands(filesIn(others.wrote))} you had a part in` : "",
    others.notAsked.length > 0 ? `${thousands(filesIn(others.notAsked))} no rule asks you for` : "",
  ];
  const said = rest.filter(Boolean);
  if (said.length > 0) tell(terminal, `for others to read: ${said.join(", ")}`);
  const closed = closedText(files);
  if (closed !== undefined) tell(terminal, closed);
}

/** What there is to see of names, and of files that went away, below the opening. */
export function tellNames(terminal: Terminal, seen: SeenAtOnce): void {
  if (seen.names.length + seen.gone.length > 0) tell(terminal, `${seenSize(seen)} to read`);
}

/** `16 names in 3 directories and 2 files that are gone`. */
export function seenSize({ names, gone = [] }: Pick<SaidOfNames, "names" | "gone">): string {
  const parts = [
    names.length > 0 ? namesSize(names) : "",
    gone.length > 0 ? `${count(gone.length, "file")} that ${gone.length === 1 ? "is" : "are"} gone` : "",
  ];
  return parts.filter(Boolean).join(" and ");
}

/** `16 names in 3 directories`. */
export function namesSize(names: readonly NamesWork[]): string {
  const lines = names.reduce((sum, one) => sum + one.lines, 0);
  const directories = new Set(names.map(({ judged: { names: one } }) => directoryIn(one))).size;
  return `${count(lines, "name")} in ${directories === 1 ? "1 directory" : `${thousands(directories)} directories`}`;
}

function directoryIn(names: NamesWork["judged"]["names"]): string {
  return names.kind === "listing" ? names.path : directoryOf(names.path);
}

/** Files that no reading lifts; undefined: there are none. */
export function closedText(files: readonly SlicedFile[]): string | undefined {
  const closed = failing(files).filter((one) => !isOpen(one)).length;
  if (closed === 0) return undefined;
  const are = closed === 1 ? "is" : "are";
  return `${count(closed, "file")} ${are} rejected, distrusted or under no rule: no reading changes that`;
}

/** `14 files to read, 412 lines; 9 as a change of what was read before`. */
function toReadText(work: readonly ReviewWork[]): string {
  const lines = work.reduce((sum, one) => sum + one.lines, 0);
  const changes = filesIn(work.filter(({ before }) => before !== undefined));
  const how = changes === 0 ? "" : `; ${thousands(changes)} as a change of what was read before`;
  return `${count(filesIn(work), "file")} to read, ${count(lines, "line")}${how}`;
}

/** What nobody can read or begin at here. */
export function tellUnreadable(
  terminal: Terminal,
  { gathered }: ReviewFiles,
  { unreadable, gone }: FoundWork,
): void {
  for (const place of gathered.incomplete) warn(terminal, harmless(unreadText(place)));
  for (const { file, why } of unreadable)
    warn(terminal, `${visiblePath(file.file.path)} cannot be read here: ${WHY[why]}`);
  for (const { path, by } of gone)
    warn(
      terminal,
      `${by.join(" and ")} read ${visiblePath(path)} as it was once, and that content is no longer here: nothing can be shown as a change from it`,
    );
}

const WHY = {
  gone: "the repository does not have it",
  "too-large": "it is too large",
  "other-content": "the repository has something else under its name",
  "bad-link":
    "it is a link that leads elsewhere than it says: its target is empty, has a NUL byte or over 4,095 bytes",
} as const;

export interface Done {
  readonly read: ReviewFiles;
  readonly said: readonly SaidOfWork[];
  readonly names: SaidOfNames | undefined;
  readonly kept: readonly KeptStatement[];
  readonly place: WritablePlace;
  /** All that is read, judged with what was signed. */
  readonly after: Pick<ReviewFiles, "slice" | "names">;
}

export function tellSitting(terminal: Terminal, done: Done, counts: boolean): void {
  const { said, names, kept, place, read, after } = done;
  const line = (text: string) => terminal.print(wrap(text, terminal.width, "  "));
  const lines = (verdict: SaidOfWork["verdict"]) => {
    const own = said.filter((one) => one.verdict === verdict).map(({ work }) => work);
    const shown = names?.verdict === verdict ? `${seenSize(names)} read` : "";
    return [own.length === 0 ? "" : ownText(own), shown].filter(Boolean).join("; ") || undefined;
  };
  terminal.print();
  const [approved, rejected] = [lines("approve"), lines("reject")];
  if (approved) line(`${terminal.style("green", "approved")}  ${approved}`);
  if (rejected) line(`${terminal.style("red", "rejected")}  ${rejected}`);
  line(keptText(kept, place));
  line(`before  ${coverageLine(read.slice)}`);
  line(`now     ${coverageLine(after.slice)}`);
  if (!counts) line("Rules count what a person has read line by line: this is on record, and meets none.");
  const open = failing(after.slice).length;
  if (open > 0) line(`${thousands(open)} of ${count(after.slice.length, "file")} still open`);
  const openNames = failingNames(after.names).length;
  if (openNames > 0) line(`${thousands(openNames)} of ${partsText(after.names)} still open`);
  line(onwardText(place));
}

/** `9 files, 120 lines read`. */
function ownText(work: readonly ReviewWork[]): string {
  const lines = work.reduce((sum, one) => sum + one.lines, 0);
  return `${count(filesIn(work), "file")}, ${count(lines, "line")} read`;
}

function filesIn(work: readonly ReviewWork[]): number {
  return work.reduce((sum, one) => sum + one.files.length, 0);
}

export function sittingJson({ read, said, names, kept, after }: Done): unknown {
  const { source, target, words, slice } = read;
  const shown = names?.names ?? [];
  const gone = names?.gone ?? [];
  return {
    source: source.name,
    commit: target.commit,
    words,
    files: said.flatMap(({ work, verdict, note = null }) =>
      work.files.map(({ file }) => ({
        path: spellBytes(file.path),
        before: work.before?.content.id ?? null,
        after: work.after.id,
        sha256: work.after.sha256,
        verdict,
        note,
        lines: work.lines,
        shown: !work.binary,
      })),
    ),
    gone: gone.map(({ path, before, lines }) => ({
      path: spellBytes(path),
      before: before.content.id,
      verdict: names!.verdict,
      lines,
    })),
    names: shown.map(({ judged, lines }) => ({ ...namesJson(judged), lines, verdict: names!.verdict })),
    statements: kept,
    before: countsOf({ slice, names: read.names }),
    now: countsOf(after),
  };
}

function countsOf({ slice, names }: Pick<ReviewFiles, "slice" | "names">) {
  return {
    counts: countStandings(slice),
    open: failing(slice).length,
    openNames: failingNames(names).length,
  };
}
