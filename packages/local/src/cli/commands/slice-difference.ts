/** What a bump really changes for an attribute, as a person reads it. */
import { spellBytes } from "@firstmile/formats/statement/path";
import { passes } from "@firstmile/trust/slice/cover";
import { failingNames } from "@firstmile/trust/slice/names-reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { changedNames } from "../../checking/names-findings.ts";
import { type ChangedFile, sliceDifference } from "../../slicing/difference.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { aligned, count, coverageLine, type ShownSlice } from "./slice-shown.ts";

const NAMES_SHOWN = 20;

export async function showDifference(
  terminal: Terminal,
  before: ShownSlice,
  after: ShownSlice,
): Promise<void> {
  const { files, downloads, derivations } = sliceDifference(before.slice, after.slice);
  const [from, to] = [before.slice.commit.slice(0, 12), after.slice.commit.slice(0, 12)];
  terminal.print(
    terminal.style("bold", `${after.source.name} from ${from} to ${to}  ${harmless(after.words)}`.trimEnd()),
  );
  const open = files.filter(({ after: now }) => now && !passes(now.standing));
  terminal.print(
    `  ${count(files.length, "file")} of ${after.slice.files.length} that are read, ${open.length} of them open`,
  );
  terminal.print(`  ${count(derivations.fresh, "derivation")} new, ${derivations.gone} gone`);
  const names = changedNames(before.slice, after.slice);
  for (const text of names.slice(0, NAMES_SHOWN))
    terminal.print(`  ${wrap(`name  ${harmless(text)}`, terminal.width, "        ")}`);
  if (names.length > NAMES_SHOWN) terminal.print(`  and ${names.length - NAMES_SHOWN} more names`);
  for (const { before: old, after: now } of downloads)
    terminal.print(`  download  ${harmless(old ?? "none")} -> ${harmless(now ?? "none")}`);
  if (files.length > 0) terminal.print();
  for (const line of aligned(files.map(fileRow), 2)) terminal.print(`  ${line}`);
  terminal.print();
  terminal.print(coverageLine(after.slice.files));
  if (open.length + failingNames(after.slice.names).length > 0)
    terminal.print(
      `${terminal.style("cyan", "help:")} firstmile review ${after.source.name} ${to} ${harmless(after.words)}`,
    );
}

function fileRow({ path, before, after }: ChangedFile): string[] {
  const what = before === undefined ? "newly read" : after === undefined ? "no longer read" : "changed";
  const standing = after === undefined ? "" : passes(after.standing) ? "covered" : "open";
  return [what, visiblePath(path), standing];
}

export function differenceJson(before: ShownSlice, after: ShownSlice): unknown {
  const { files, downloads, derivations } = sliceDifference(before.slice, after.slice);
  return {
    source: after.source.name,
    from: before.slice.commit,
    to: after.slice.commit,
    words: after.words,
    files: files.map(({ path, before: old, after: now }) => ({
      path: spellBytes(path),
      before: old?.file.sha256 ?? null,
      after: now?.file.sha256 ?? null,
      standing: now?.standing ?? null,
    })),
    names: changedNames(before.slice, after.slice),
    downloads,
    derivations,
  };
}
