/**
 * How much of what is read is covered, by what, and how much only for now. Pure.
 *
 * Claims: each file is counted once, as what it stands as today; what is waived is counted apart and never as covered.
 */
import type { FileStanding } from "@firstmile/trust/slice/cover";
import type { Waived } from "@firstmile/trust/slice/waivers";
import type { SlicedFile } from "../slicing/slice-of.ts";

/** `open`: what would not be let through. */
export type Share = "covered" | "waived" | "open";

export interface Amount {
  readonly files: number;
  readonly lines: number;
}

export type Shares = Readonly<Record<Share, Amount>>;

/** Files that one waiver lets through. */
export interface WaivedPart extends Amount {
  readonly waiver: Waived;
}

export function shareOf({ kind }: Pick<FileStanding, "kind">): Share {
  if (kind === "waived") return "waived";
  return kind === "read" || kind === "bumped" || kind === "vouched" ? "covered" : "open";
}

export function sharesOf(files: readonly SlicedFile[]): Shares {
  const own = (share: Share) => amountOf(files.filter(({ standing }) => shareOf(standing) === share));
  return { covered: own("covered"), waived: own("waived"), open: own("open") };
}

export function amountOf(files: readonly SlicedFile[]): Amount {
  return { files: files.length, lines: files.reduce((sum, { lines }) => sum + lines, 0) };
}

export function together(shares: readonly Shares[]): Shares {
  const sum = (share: Share): Amount => ({
    files: shares.reduce((all, one) => all + one[share].files, 0),
    lines: shares.reduce((all, one) => all + one[share].lines, 0),
  });
  return { covered: sum("covered"), waived: sum("waived"), open: sum("open") };
}

/** By the waiver, the one that ends first in front. */
export function waivedParts(files: readonly SlicedFile[]): WaivedPart[] {
  const byWaiver = new Map<string, { waiver: Waived; files: SlicedFile[] }>();
  for (const file of files) {
    if (file.standing.kind !== "waived") continue;
    const { waiver } = file.standing;
    const known = byWaiver.get(waiver.statement) ?? { waiver, files: [] };
    known.files.push(file);
    byWaiver.set(waiver.statement, known);
  }
  const parts = [...byWaiver.values()].map(({ waiver, files: own }) => ({ waiver, ...amountOf(own) }));
  return parts.sort((a, b) => a.waiver.until - b.waiver.until || b.files - a.files);
}

/** How much there is at one time. */
export interface Point {
  /** Unix seconds. */
  readonly time: number;
  readonly shares: Shares;
}

/** What becomes of today's shares if nobody does anything: each waiver ends, and what it let through is open. */
export function ifNothingHappens(now: Point, parts: readonly WaivedPart[]): Point[] {
  const points: Point[] = [];
  let { shares } = now;
  for (const [until, ended] of Map.groupBy(parts, ({ waiver }) => waiver.until)) {
    const files = ended.reduce((sum, one) => sum + one.files, 0);
    const lines = ended.reduce((sum, one) => sum + one.lines, 0);
    shares = {
      covered: shares.covered,
      waived: { files: shares.waived.files - files, lines: shares.waived.lines - lines },
      open: { files: shares.open.files + files, lines: shares.open.lines + lines },
    };
    points.push({ time: until, shares });
  }
  return points;
}
