/** What the machine's admissions rest on today: of each question that was ever asked, the newest that was admitted. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { SliceFile } from "@firstmile/trust/slice/file";
import type { SliceNames } from "@firstmile/trust/slice/names";
import { type Admission, downloadText, type Ledger } from "./ledger.ts";

export interface AdmittedSlice {
  readonly source: string;
  readonly commit: CommitId;
  /** As it was asked for: `default.nix -A hello`. */
  readonly words: string;
  readonly files: readonly SliceFile[];
  /** Undefined: admitted before names were noted. */
  readonly names: readonly SliceNames[] | undefined;
}

export interface AdmittedSlices {
  readonly slices: readonly AdmittedSlice[];
  /** Sources that were admitted by their commits, of which no files are noted. */
  readonly bySignature: readonly string[];
  /** Each once, as the ledger writes them. */
  readonly downloads: readonly string[];
  /** Where the sources' objects are, below which each is called NAME.git. */
  readonly sources: string;
}

export function admittedSlices(ledger: Ledger, sources: string): AdmittedSlices {
  const newest = newestOfEach(ledger.admissions());
  const slices: AdmittedSlice[] = [];
  const bySignature = new Set<string>();
  const downloads = new Set<string>();
  for (const { id, request, basis } of newest) {
    const words = questionOf(request).words;
    for (const { source, commit, slice } of basis) {
      const noted = slice === undefined ? undefined : ledger.slice(slice);
      if (noted) slices.push({ source, commit, words, ...noted });
      else bySignature.add(source);
    }
    for (const { download } of ledger.downloadsOf(id)) if (download) downloads.add(downloadText(download));
  }
  return { slices, bySignature: [...bySignature].sort(), downloads: [...downloads].sort(), sources };
}

function newestOfEach(admissions: readonly Admission[]): Admission[] {
  const newest = new Map<string, Admission>();
  for (const admission of admissions) {
    const { from, words } = questionOf(admission.request);
    const key = `${from}\0${words}`;
    if (!newest.has(key)) newest.set(key, admission);
  }
  return [...newest.values()];
}

/** `pkgs at 0123456789ab: default.nix -A hello`, whatever commit it is at. */
function questionOf(request: string): { from: string; words: string } {
  const [, from = "", words = request] = /^(.*?) at [0-9a-f]{12}: (.*)$/s.exec(request) ?? [];
  return { from, words };
}
