/** The order that lifts coverage soonest, with what each step comes to. */
import { passes } from "@firstmile/trust/slice/cover";
import { linesUntil, type ReadingStep, readingOrder } from "../../reviewing/reading-order.ts";
import type { SlicedFile } from "../../slicing/slice-of.ts";
import type { Terminal } from "../terminal.ts";
import type { ShownQueue } from "./review-list.ts";
import { headline, queuedJson } from "./review-queue-shown.ts";
import { tell } from "./review-shown.ts";
import { pathOf } from "./review-work-shown.ts";
import { count, coverageLine, share, thousands } from "./slice-shown.ts";

/** Steps that are listed unless all are asked for. */
const SHOWN = 20;
const MARKS = [50, 80, 95, 100];

export function showOrder(terminal: Terminal, shown: ShownQueue): void {
  const { read, all } = shown;
  const { steps, lines } = orderOf(shown);
  terminal.print(terminal.style("bold", headline(shown)));
  tell(terminal, coverageLine(read.files));
  for (const text of marksText(steps, lines)) tell(terminal, text);
  if (steps.length === 0) return;
  terminal.print();
  const listed = all ? steps : steps.slice(0, SHOWN);
  const rows = listed.map((step) => [
    thousands(step.lines),
    thousands(step.read),
    share(step.covered, lines.all),
    pathOf(step.queued.work),
  ]);
  for (const line of columns([["lines", "in all", "covered", "file"], ...rows])) terminal.print(line);
  const more = steps.length - listed.length;
  if (more > 0) terminal.print(terminal.style("dim", `and ${count(more, "file")} more: --all lists them`));
}

/** Numbers end under each other; the file comes last, however long its name is. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => (i < 3 ? cell.padStart(widths[i]! + 2) : `  ${cell}`)).join(""),
  );
}

interface Lines {
  /** Covered before anything of it is read; what is only waived is not. */
  readonly covered: number;
  readonly all: number;
}

function orderOf({ read, queue }: ShownQueue): { steps: readonly ReadingStep[]; lines: Lines } {
  const sum = (files: readonly SlicedFile[]) => files.reduce((lines, one) => lines + one.lines, 0);
  const done = read.files.filter(({ standing }) => passes(standing) && standing.kind !== "waived");
  const lines = { covered: sum(done), all: sum(read.files) };
  return { steps: readingOrder(queue, lines.covered), lines };
}

/** `50 % after 1,204 lines`. */
function marksText(steps: readonly ReadingStep[], lines: Lines): string[] {
  if (steps.length === 0) return ["nothing is left to read"];
  const ahead = MARKS.filter((mark) => linesUntil(steps, lines, mark) !== 0);
  const reached = ahead.map((mark) => ({ mark, after: linesUntil(steps, lines, mark) }));
  const told = reached.filter(({ after }) => after !== undefined);
  const text = told.map(({ mark, after }) => `${mark} % after ${count(after!, "line")}`).join(", ");
  const beyond = reached.some(({ after }) => after === undefined);
  return [text, beyond ? "100 % is not reached by reading: see firstmile slice" : ""].filter(Boolean);
}

export function orderJson(shown: ShownQueue): unknown {
  const { steps, lines } = orderOf(shown);
  return {
    source: shown.read.source.name,
    commit: shown.read.target.commit,
    words: shown.read.words,
    lines,
    marks: MARKS.map((percent) => ({ percent, after: linesUntil(steps, lines, percent) ?? null })),
    steps: steps.map(({ queued, lines: own, read, covered }) => ({
      ...queuedJson(queued),
      toRead: own,
      read,
      covered,
    })),
  };
}
