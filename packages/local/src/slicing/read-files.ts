/** What a command read of a tree in view, as a slice. */
import type { SliceFile } from "@firstmile/trust/slice/file";
import type { OpenedFile, ViewRecord } from "../view/view.ts";

/** What was read of one of the trees in view, and what was held back. */
export function readFiles(record: ViewRecord, tree: number): { files: SliceFile[]; refused: OpenedFile[] } {
  const opened = record.files.filter((one) => one.tree === tree);
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
