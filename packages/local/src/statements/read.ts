/**
 * Statements from where they are kept.
 *
 * Claims: reading ends, within limits on number, size and depth, and never leaves the place by a symbolic link. What
 * cannot be read is reported and withholds only itself, and no place takes the room of another: those of the people who
 * make the rules are read first and whole, and the others have an equal part each of what is left. Against: whoever
 * serves one place and floods it, so that what others said is not heard. Leaves out: what the statements say, and who
 * keeps one back. For approvals that can only deny; a rejection that nobody brings is not heard, and neither is one
 * that lies buried below a flood. That is told and denies nothing, since otherwise whoever may write to one place could
 * stop every decision: who has to be heard writes into the trust repository.
 */
import { readDirectory } from "./directory.ts";
import { Gathered, type Room } from "./gathered.ts";
import {
  type FoundStatement,
  LIMITS,
  STATEMENTS_REF,
  type StatementPlace,
  type UnreadableStatement,
} from "./place.ts";
import { readCommit, readRefs, readTreePlace, refGroups } from "./tree.ts";

export interface ReadStatements {
  readonly found: readonly FoundStatement[];
  readonly unreadable: readonly UnreadableStatement[];
  /** Places of which not everything could be read, as a person knows them. */
  readonly incomplete: readonly string[];
}

/** Reads all places, one after the other. Never throws for what is in them. */
export async function readStatements(
  places: Iterable<StatementPlace>,
  room: Room = LIMITS,
): Promise<ReadStatements> {
  const gathered = new Gathered(room);
  const reader = new PlaceReader(gathered);
  const all = [...places];
  for (const place of all.filter(isFirst)) await reader.read(place, 0);
  const portions: StatementPlace[] = [];
  for (const place of all.filter((one) => !isFirst(one))) portions.push(...(await reader.portions(place)));
  for (const [i, place] of portions.entries()) await reader.read(place, portions.length - 1 - i);
  const { found, unreadable, incomplete } = gathered;
  return { found, unreadable, incomplete: [...incomplete] };
}

/** A place that fails is told, and keeps nobody from the others. */
class PlaceReader {
  readonly #gathered: Gathered;

  constructor(gathered: Gathered) {
    this.#gathered = gathered;
  }

  /** `after`: how many places there are to share with. */
  async read(place: StatementPlace, after: number): Promise<void> {
    await this.#attempt(place, after, () => readPlace(place, this.#gathered));
  }

  /** A repository may hold what several others sent: each of them is a place of its own. */
  async portions(place: StatementPlace): Promise<readonly StatementPlace[]> {
    if (place.kind !== "ref") return [place];
    return (await this.#attempt(place, 0, () => refGroups(place))) ?? [];
  }

  async #attempt<T>(place: StatementPlace, after: number, work: () => Promise<T>): Promise<T | undefined> {
    this.#gathered.begin(nameOf(place), after);
    try {
      return await work();
    } catch (error) {
      const where = "repository" in place ? place.repository : place.path;
      this.#gathered.fail(where, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}

function isFirst(place: StatementPlace): boolean {
  return "first" in place && place.first === true;
}

function readPlace(place: StatementPlace, gathered: Gathered): Promise<void> {
  switch (place.kind) {
    case "directory":
      return readDirectory(place.path, gathered);
    case "ref":
      return readRefs(place, gathered);
    case "commit":
      return readCommit(place, gathered);
    case "tree":
      return readTreePlace(place, gathered);
  }
}

function nameOf(place: StatementPlace): string {
  switch (place.kind) {
    case "directory":
      return place.path;
    case "ref":
      return place.called ?? `${place.repository} ${place.ref ?? STATEMENTS_REF}`;
    case "commit":
      return `${place.repository} ${place.commit}`;
    case "tree":
      return `${place.repository} ${place.tree}`;
  }
}
