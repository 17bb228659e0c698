/** What a change comes to before it is merged: what it leaves open, and what it does to the slices that are asked about. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { countStandings, type StandingCounts } from "@firstmile/trust/slice/judged";
import type { ReasonCode } from "@firstmile/trust/verdict/codes";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { ChangedDownload } from "../slicing/difference.ts";
import { downloadsIn, type Slice } from "../slicing/slice-of.ts";

export interface CheckReport {
  readonly source: string;
  readonly base: CommitId;
  readonly head: CommitId;
  readonly change: { readonly files: number; readonly added: number; readonly removed: number };
  /** What has to be mended, or read by somebody, before the rules let it through. */
  readonly findings: readonly CheckFinding[];
  readonly slices: readonly SliceCheck[];
}

export interface CheckFinding {
  readonly code: ReasonCode;
  /** Latin-1; undefined where it concerns no file. */
  readonly path: string | undefined;
  /** The first line that changed, from 1. */
  readonly line: number;
  readonly message: string;
  readonly remedy: string | undefined;
  /** Sets of people who would do, as far as they are known. */
  readonly who: readonly (readonly string[])[];
}

/** One attribute before and after. */
export interface SliceCheck {
  /** As on a command line: `-A hello`. */
  readonly words: string;
  /** Why it cannot be told, where it does not evaluate. */
  readonly failure: Reason | undefined;
  readonly before: SliceSize | undefined;
  readonly after: SliceSize | undefined;
  readonly changed: {
    readonly files: number;
    readonly open: number;
    /** What differs in names that it is told of: `patches/: 1-fix-cve.patch is gone`. */
    readonly names: readonly string[];
  };
  readonly derivations: { readonly fresh: number; readonly gone: number };
  readonly downloads: readonly ChangedDownload[];
}

export interface SliceSize {
  readonly files: number;
  readonly lines: number;
  /** Listings and asked names. */
  readonly names: number;
  readonly derivations: number;
  readonly downloads: number;
  /** Undefined where the source is judged by its commits. */
  readonly counts: StandingCounts | undefined;
}

/** Of what does not evaluate nothing is known: that is open, whatever it was before. */
export function failedFinding(words: string, { code, message, remedy }: Reason): CheckFinding {
  return { code, path: undefined, line: 1, message: `${words}: ${message}`, remedy, who: [] };
}

/** Where there is nothing to compare. */
export const NO_DIFFERENCE = {
  changed: { files: 0, open: 0, names: [] },
  derivations: { fresh: 0, gone: 0 },
  downloads: [],
};

/** `judged`: whether its files are, and not the commits that brought them. */
export function sizeOf(slice: Slice, judged: boolean): SliceSize {
  return {
    files: slice.files.length,
    lines: slice.files.reduce((sum, { lines }) => sum + lines, 0),
    names: slice.names.length,
    derivations: slice.derivations.size,
    downloads: downloadsIn(slice).length,
    counts: judged ? countStandings(slice.files) : undefined,
  };
}

/** Share of files that are covered, waivers left out, in percent, rounded down to a tenth. */
export function coveredPercent({ files, counts }: SliceSize): number | undefined {
  if (!counts) return undefined;
  const covered = counts.read + counts.bumped + counts.vouched;
  return files === 0 ? 100 : Math.floor((covered / files) * 1000) / 10;
}

/** Everybody who is named as a possible reader, with how many files wait for them. */
export function waitingFor(findings: readonly CheckFinding[]): Map<string, number> {
  const waiting = new Map<string, number>();
  for (const { who } of findings) {
    for (const name of new Set(who.flat())) waiting.set(name, (waiting.get(name) ?? 0) + 1);
  }
  return new Map([...waiting].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}
