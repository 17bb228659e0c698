/**
 * Statements that this machine's gate holds: in its copies of the sources, and those that users' checkouts sent. Every
 * question reads them, also one that the command line answers without the gate.
 */
import { type Dirent, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Policy } from "@firstmile/trust/policy/policy";
import { STATEMENTS_REF, type StatementPlace } from "../statements/place.ts";

/** The gate's copies of sources, one bare repository each. */
export function sourcesDirectory(stateDir: string): string {
  return join(stateDir, "gate", "sources");
}

/** What the mirrors of each source carried, as far as the gate has fetched it. */
export function sourcePlaces(stateDir: string, { sources }: Pick<Policy, "sources">): StatementPlace[] {
  return [...sources.keys()].flatMap((name): StatementPlace[] => {
    const repository = join(sourcesDirectory(stateDir), `${name}.git`);
    return existsSync(repository) ? [{ kind: "ref", repository, called: `source ${name}` }] : [];
  });
}

/** What checkouts sent. */
export function sentPlaces(stateDir: string): StatementPlace[] {
  const path = join(stateDir, "gate", "statements");
  return existsSync(path) ? [{ kind: "directory", path, kept: true }] : [];
}

/** Changes whenever a reference with statements does in one of the copies, whichever program moved it. */
export function sourcesGeneration(stateDir: string): string {
  const root = sourcesDirectory(stateDir);
  const copies = entriesOf(root).map(({ name }) => join(root, name));
  return copies.flatMap((copy) => PLACES.flatMap((place) => [...stampsBelow(join(copy, place))])).join(" ");
}

/** Where Git keeps references: one file each, all in one file, or in tables. */
const PLACES = [STATEMENTS_REF, "packed-refs", "reftable"];

function* stampsBelow(path: string): Generator<string> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  yield `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
  if (stat.isDirectory()) for (const { name } of entriesOf(path)) yield* stampsBelow(join(path, name));
}

function entriesOf(directory: string): Dirent[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}
