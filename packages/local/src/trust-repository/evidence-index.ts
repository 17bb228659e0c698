/**
 * What this machine has of the evidence repositories: trust/evidence/index.json, which names for each URL the directory
 * below trust/evidence/ in which its statements are. It is replaced by rename, and a directory never changes once the
 * index names it: whoever reads sees one state of each place.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

const placeShape = z.strictObject({
  url: z.string(),
  /** Name below trust/evidence/; absent: nothing came yet. */
  directory: z
    .string()
    .regex(/^[0-9a-zA-Z]+-[0-9a-zA-Z]+$/)
    .optional(),
  /** Ids of its references: they name the state that is held. */
  tips: z.array(z.string()),
  /** How many there are; each is checked only where it is used. */
  statements: z.number(),
  /** Unix seconds of the last time that it answered. */
  reached: z.number().optional(),
  /** Why it did not, the last time it was asked. */
  problem: z.string().optional(),
});

/** What is held of one evidence repository. */
export type HeldEvidence = Readonly<z.infer<typeof placeShape>>;

const indexShape = z.strictObject({ places: z.array(placeShape) });

/** Where evidence repositories are kept. */
export function evidenceDirectory(stateDir: string): string {
  return join(stateDir, "trust", "evidence");
}

/** Throws where it is there and cannot be read: what speaks against something may be in it. */
export function readEvidenceIndex(stateDir: string): readonly HeldEvidence[] {
  const file = indexFile(stateDir);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  try {
    return indexShape.parse(JSON.parse(text)).places;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} cannot be read: ${problem}: remove it, and firstmile trust update`);
  }
}

export function writeEvidenceIndex(stateDir: string, places: readonly HeldEvidence[]): void {
  const file = indexFile(stateDir);
  mkdirSync(evidenceDirectory(stateDir), { recursive: true, mode: 0o755 });
  const text = `${JSON.stringify({ places }, undefined, 2)}\n`;
  writeFileSync(`${file}.${process.pid}`, text, { mode: 0o644, flush: true });
  renameSync(`${file}.${process.pid}`, file);
}

/** Changes whenever the index does. */
export function evidenceGeneration(stateDir: string): string {
  const { mtimeMs, ino } = statSync(indexFile(stateDir), { throwIfNoEntry: false }) ?? {};
  return `${mtimeMs} ${ino}`;
}

function indexFile(stateDir: string): string {
  return join(evidenceDirectory(stateDir), "index.json");
}
