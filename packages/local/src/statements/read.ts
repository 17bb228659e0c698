/**
 * Statements from where they are kept.
 *
 * Claims: reading ends, within limits on number, size and depth, and never leaves the place by a symbolic link. What
 * cannot be read is reported and withholds only itself: a place that somebody else fills must not be able to stop
 * every decision. Leaves out: what the statements say, and who keeps one back. For approvals that can only deny; a
 * rejection that nobody brings is not heard, so whoever relies on rejections reads several places.
 */
import { readDirectory } from "./directory.ts";
import { Gathered } from "./gathered.ts";
import type { FoundStatement, StatementPlace, UnreadableStatement } from "./place.ts";
import { readCommit, readRefs } from "./tree.ts";

export interface ReadStatements {
  readonly found: readonly FoundStatement[];
  readonly unreadable: readonly UnreadableStatement[];
}

/** Reads all places, one after the other. Never throws for what is in them. */
export async function readStatements(places: Iterable<StatementPlace>): Promise<ReadStatements> {
  const gathered = new Gathered();
  for (const place of places) {
    try {
      await readPlace(place, gathered);
    } catch (error) {
      gathered.refuse(nameOf(place), error instanceof Error ? error.message : String(error));
    }
  }
  return { found: gathered.found, unreadable: gathered.unreadable };
}

function readPlace(place: StatementPlace, gathered: Gathered): Promise<void> {
  switch (place.kind) {
    case "directory":
      return readDirectory(place.path, gathered);
    case "ref":
      return readRefs(place, gathered);
    case "commit":
      return readCommit(place, gathered);
  }
}

function nameOf(place: StatementPlace): string {
  return place.kind === "directory" ? place.path : place.repository;
}
