/** A standing as one sentence for a person, naming files, people and commits. */
import type { JudgedFile } from "../slice/judged.ts";
import { day } from "../slice/reason.ts";
import { visiblePath } from "../slice/visible-path.ts";
import type { Covered, SignedFile, Standing } from "./ladder.ts";

export function standingText(standing: Standing): string {
  switch (standing.kind) {
    case "exact":
      return `signed: ${told(standing.signed)}`;
    case "derived":
      return `signed: a change that ${people(standing.changeBy)} read makes it of ${told(standing.before)}`;
    case "covered":
      return `not signed; ${likenessText(standing)}`;
    case "unknown":
      return "not signed; no signed file is like it";
  }
}

/**
 * What lets a file pass that people have not read: `accepted without being read, by a waiver of alice until 2027-06-01`.
 * Undefined where something else does, or nothing.
 */
export function acceptedText(standing: JudgedFile["standing"]): string | undefined {
  switch (standing.kind) {
    case "waived": {
      const { by, until } = standing.waiver;
      const since = standing.since?.length ? `; ${people(standing.since)} read what changed since` : "";
      return `accepted without being read, by a waiver of ${people(by)} until ${day(until)}${since}`;
    }
    case "bumped":
      return `accepted without being read, as a bump: ${standing.because}`;
    case "vouched":
      return `accepted without being read, because ${people(standing.by)} published it`;
    default:
      return undefined;
  }
}

/** A signed file, who read it, and in which commit. */
export function told({ path, by, rev }: SignedFile): string {
  const where = rev === undefined ? "" : ` (rev ${rev.slice(0, 12)})`;
  return `${visiblePath(path)}, which ${people(by)} read${where}`;
}

/** How much of an unsigned file is signed, and where. */
export function likenessText({ percent, hunks, copied, butForSpace }: Covered): string {
  const [likest, ...others] = copied.origins.map(({ signed }) => told(signed));
  if (hunks.length === 0) return `it is ${likest}, and does not count for this path and mode`;
  if (butForSpace) return `but for white space it is ${likest}`;
  const also = others.length > 0 ? `, or ${others.join(", or ")}` : "";
  const places = hunks.length === 1 ? "1 hunk differs" : `${hunks.length} hunks differ`;
  return `${percent} % of its lines equal ${likest}${also}; ${places}`;
}

function people(names: readonly string[]): string {
  return names.length > 0 ? names.join(" and ") : "somebody";
}
