/** What a curator is about to vouch for, and what became of it. */
import { passes } from "@firstmile/trust/slice/cover";
import { type JudgedNames, passesNames } from "@firstmile/trust/slice/names-coverage";
import { partsText } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { PublishingPlace } from "../../channel/place.ts";
import type { KeptStatement } from "../../reviewing/keep.ts";
import type { SlicedFile } from "../../slicing/slice-of.ts";
import { STATEMENTS_REF } from "../../statements/place.ts";
import { harmless, type Terminal } from "../terminal.ts";
import { namesLines } from "./names-shown.ts";
import { count, type ShownSlice, standingText } from "./slice-shown.ts";

/** Files that are not covered, named one by one. */
const SHOWN = 20;

/** What is waived was read by nobody: handed on, it would be accepted for ever. */
export function isCovered({ standing }: SlicedFile): boolean {
  return passes(standing) && standing.kind !== "waived";
}

/** The same of a listing, or of whether a name exists. */
export function areCovered({ standing }: JudgedNames): boolean {
  return passesNames(standing) && standing.kind !== "waived";
}

export function showPublication(terminal: Terminal, { slice, source, words }: ShownSlice): void {
  const { commit, files, names } = slice;
  const title = `${source.name} at ${commit.slice(0, 12)}  ${harmless(words)}`.trimEnd();
  terminal.print(terminal.style("bold", title));
  terminal.print(`  ${sizeText(files)}`);
  const covered = files.filter(isCovered);
  const open = files.filter((one) => !isCovered(one));
  terminal.print(`  ${sizeText(covered)} covered by your own rules; not covered: ${sizeText(open)}`);
  for (const { file, standing, lines } of open.slice(0, SHOWN)) {
    const mark = terminal.style("red", "✗");
    terminal.print(`  ${mark} ${visiblePath(file.path)}  ${count(lines, "line")}  ${standingText(standing)}`);
  }
  if (open.length > SHOWN) terminal.print(`  and ${open.length - SHOWN} more`);
  if (names.length === 0) return;
  const openNames = names.filter((one) => !areCovered(one));
  terminal.print(`  ${partsText(names)}; not covered: ${openNames.length}`);
  for (const line of namesLines(terminal, openNames.slice(0, SHOWN))) terminal.print(line);
  if (openNames.length > SHOWN) terminal.print(`  and ${openNames.length - SHOWN} more`);
}

function sizeText(files: readonly SlicedFile[]): string {
  const lines = files.reduce((sum, one) => sum + one.lines, 0);
  return `${count(files.length, "file")}, ${count(lines, "line")}`;
}

/** `published: statement 0123456789ab in refs/firstmile/statements`, and what to do next. */
export function publishedText(kept: readonly KeptStatement[], { place, next }: PublishingPlace): string[] {
  const where = place.kind === "ref" ? `${STATEMENTS_REF} of ${place.repository}` : place.path;
  const names = kept.map(({ name }) => name.slice(0, 12)).join(", ");
  const known = kept.every(({ fresh }) => !fresh) ? "; you had signed that before" : "";
  const what = kept.length === 1 ? "statement" : `${kept.length} statements`;
  return [harmless(`published: ${what} ${names} in ${where}${known}`), harmless(`next: ${next}`)];
}
