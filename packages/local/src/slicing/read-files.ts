/** What a command read of a tree in view, as a slice. */
import type { SliceFile } from "@firstmile/trust/slice/file";
import type { OpenedFile, ViewRecord } from "../view/view.ts";

/** What was read of a tree that is in view once or several times, and what was held back: each file once. */
export function readFiles(
  record: ViewRecord,
  trees: ReadonlySet<number>,
): { files: SliceFile[]; refused: OpenedFile[] } {
  const byPath = new Map<string, OpenedFile>();
  for (const one of record.files) {
    if (trees.has(one.tree) && byPath.get(one.path)?.allowed !== false) byPath.set(one.path, one);
  }
  const opened = [...byPath.values()];
  const files = opened
    .filter(({ allowed }) => allowed)
    .map(({ path, mode, id, sha256 }) => ({ path, mode, id, sha256, use: useOf(path) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, refused: opened.filter(({ allowed }) => !allowed) };
}

/** A guess by name, where the evaluation was not asked to tell: both kinds have to be covered alike. */
function useOf(path: string): SliceFile["use"] {
  return path.endsWith(".nix") ? "evaluated" : "copied";
}
