/** Listings and asked names as a person reads them, below the files of a slice. */
import { spellBytes } from "@firstmile/formats/statement/path";
import { doubtText } from "@firstmile/trust/slice/distrust";
import { type JudgedNames, passesNames } from "@firstmile/trust/slice/names-coverage";
import { failingNames } from "@firstmile/trust/slice/names-reason";
import { changeLines, directoryText, namesText, some, TYPES } from "@firstmile/trust/slice/names-text";
import { partsText, proofText } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { Slice } from "../../slicing/slice-of.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";

/** Listings that are listed unless all are asked for. */
const SHOWN = 20;

/** `names: 14 listings and 2 asked names, 1 of them open`; undefined: there are none. */
export function namesLine(names: readonly JudgedNames[]): string | undefined {
  if (names.length === 0) return undefined;
  const open = failingNames(names).length;
  const waived = names.filter(({ standing }) => standing.kind === "waived").length;
  const parts = [open > 0 ? `${open} of them open` : "", waived > 0 ? `${waived} waived` : ""].filter(
    Boolean,
  );
  return [partsText(names), ...parts].join(", ");
}

export function namesCounts(names: readonly JudgedNames[]) {
  const open = failingNames(names).length;
  const waived = names.filter(({ standing }) => standing.kind === "waived").length;
  return {
    listings: names.filter((one) => one.names.kind === "listing").length,
    all: names.length,
    waived,
    open,
  };
}

export function showNames(
  terminal: Terminal,
  { names, odd }: Pick<Slice, "names" | "odd">,
  all: boolean,
): void {
  const open = failingNames(names);
  const listed = all ? names : open.slice(0, SHOWN);
  for (const line of namesLines(terminal, listed)) terminal.print(line);
  if (!all && open.length > SHOWN)
    terminal.print(`  and ${open.length - SHOWN} more: --all lists all of them`);
  for (const { path } of odd.slice(0, SHOWN)) {
    const text = `odd name '${visiblePath(path)}': no reading names it`;
    terminal.print(`  ${wrap(`${terminal.style("red", "✗")} ${text}`, terminal.width, "    ")}`);
  }
}

export function namesLines(terminal: Terminal, names: readonly JudgedNames[]): string[] {
  return names.map((one) => {
    const mark = passesNames(one.standing) ? terminal.style("green", "✓") : terminal.style("red", "✗");
    return `  ${wrap(`${mark} ${namesPath(one)}  ${namesStanding(one)}`, terminal.width, "    ")}`;
  });
}

/** `patches/`, `strict`. */
export function namesPath({ names }: JudgedNames): string {
  return names.kind === "listing" ? directoryText(names.path) : visiblePath(names.path);
}

/** `14 names, read by bob`; `1-fix-cve.patch is gone`. */
export function namesStanding(judged: JudgedNames): string {
  const { names } = judged;
  const what = names.kind === "listing" ? namesText(names.entries.length) : `asked for: ${TYPES[names.type]}`;
  const text = standingText(judged);
  const differs = differenceText(judged);
  return [what, differs, text].filter(Boolean).join(", ");
}

/** What differs from what people were shown. */
export function differenceText({ change, instead, standing }: JudgedNames): string {
  if (standing.kind === "fresh") return some(changeLines([], standing.come), 5);
  if (instead !== undefined && standing.kind === "uncovered") return `was ${TYPES[instead]}`;
  if (change === undefined || standing.kind !== "uncovered") return "";
  const retyped = change.come.filter(({ name }) => change.gone.some((gone) => gone.name === name));
  return some(changeLines(change.gone, retyped), 5);
}

function standingText({ standing }: JudgedNames): string {
  const proof = proofText(standing);
  if (proof) return proof[1];
  switch (standing.kind) {
    case "waived":
      return `waived by ${standing.waiver.by.join(" and ")}`;
    case "rejected":
      return `rejected by ${standing.by.join(" and ")}${doubtText(standing.doubt)}`;
    case "distrusted":
      return `distrusted by ${standing.objection.by.join(" and ")}: ${harmless(standing.objection.because)}`;
    case "unruled":
      return "no rule covers it";
    case "uncovered":
    case "fresh":
      return standing.have.length > 0 ? `shown to ${standing.have.join(" and ")} alone` : "not read";
    default:
      return "";
  }
}

export function namesJson(judged: JudgedNames): object {
  const { names, standing, rule, change } = judged;
  const entry = ({ name, type }: { name: string; type: string }) => ({ name: spellBytes(name), type });
  const what =
    names.kind === "listing"
      ? { kind: "listing", path: spellBytes(names.path), entries: names.entries.map(entry) }
      : { kind: "asked", path: spellBytes(names.path), type: names.type };
  const differs = change && { gone: change.gone.map(entry), come: change.come.map(entry) };
  const { kind } = standing;
  return {
    ...what,
    rule: rule?.line ?? null,
    passes: passesNames(standing),
    standing: kind,
    change: differs ?? null,
  };
}
