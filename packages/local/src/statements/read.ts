/**
 * Statements from where they are kept.
 *
 * Claims: reading ends, within limits on number, size and depth, and never leaves the place by a symbolic link. No
 * place takes the room of another: those of the people who make the rules are read first and whole, and the others have
 * an equal part each of what is left. What lies below a flood is not heard. That is told and denies nothing, since
 * otherwise a writer of one place could stop every decision. A place that is damaged, or closed to this user, is
 * `broken`: what it held against something is not known, so each caller must deny. Against: a server that floods its
 * place, so that what others said is not heard; a disk that loses files. Leaves out: what the statements say, and who
 * keeps one back.
 */
import { accessSync, constants } from "node:fs";
import { readDirectory } from "./directory.ts";
import { Gathered, type Room } from "./gathered.ts";
import {
  type FoundStatement,
  LIMITS,
  STATEMENTS_REF,
  type StatementPlace,
  type UnreadablePlace,
  type UnreadableStatement,
} from "./place.ts";
import { readCommit, readRefs, readTreePlace, refGroups } from "./tree.ts";

export interface ReadStatements {
  readonly found: readonly FoundStatement[];
  readonly unreadable: readonly UnreadableStatement[];
  /** Places of which not everything could be read, as a person knows them. */
  readonly incomplete: readonly string[];
  /** Those of them that are damaged or closed to this user. */
  readonly broken: readonly UnreadablePlace[];
}

/** Reads all places, one after the other. Never throws for what is in them. */
export async function readStatements(
  places: Iterable<StatementPlace>,
  room: Room = LIMITS,
): Promise<ReadStatements> {
  const gathered = new Gathered(room);
  const reader = new PlaceReader(gathered);
  const all = onceEach(places);
  for (const place of all.filter(isFirst)) await reader.read(place, 0);
  const portions: StatementPlace[] = [];
  for (const place of all.filter((one) => !isFirst(one))) portions.push(...(await reader.portions(place)));
  for (const [i, place] of portions.entries()) await reader.read(place, portions.length - 1 - i);
  const { found, unreadable, incomplete, broken } = gathered;
  return { found, unreadable, incomplete: [...incomplete], broken };
}

/** A place that two callers name takes the room of one. */
function onceEach(places: Iterable<StatementPlace>): StatementPlace[] {
  const all = new Map<string, StatementPlace>();
  for (const place of places) {
    const { called: _, ...rest } = "called" in place ? place : { ...place, called: undefined };
    const key = JSON.stringify(
      Object.entries(rest)
        .filter(([name]) => name !== "first" && name !== "tips")
        .sort(),
    );
    if (!all.has(key) || "called" in place) all.set(key, place);
  }
  return [...all.values()];
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
      this.#gathered.fail(where, whyUnreadable(where, error));
      return undefined;
    }
  }
}

/** Git says only that it is not a repository where in truth this user may not look. */
function whyUnreadable(path: string, error: unknown): string {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch (access) {
    const code = access instanceof Error && "code" in access ? access.code : undefined;
    if (code === "EACCES") return "this user may not read it (EACCES)";
    if (code === "ENOENT") return "it is gone (ENOENT)";
  }
  return error instanceof Error ? error.message : String(error);
}

function isFirst(place: StatementPlace): boolean {
  return "first" in place && place.first === true;
}

function readPlace(place: StatementPlace, gathered: Gathered): Promise<void> {
  switch (place.kind) {
    case "directory":
      return readDirectory(place, gathered);
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
      return place.called ?? place.path;
    case "ref":
      return place.called ?? `${place.repository} ${place.ref ?? STATEMENTS_REF}`;
    case "commit":
      return place.called ?? `${place.repository} ${place.commit}`;
    case "tree":
      return `${place.repository} ${place.tree}`;
  }
}
