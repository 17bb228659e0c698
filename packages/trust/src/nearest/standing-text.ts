/** A standing as one sentence for a person, naming files, people and commits. */
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
