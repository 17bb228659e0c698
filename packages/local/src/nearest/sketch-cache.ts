/**
 * Sketches that were made before, in one file below the state directory. Claim: they are those of contents with these
 * digests, made by this version, or none. Leaves out: somebody who can write this user's files; a sketch decides
 * nothing but what is compared.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SketchTable } from "@firstmile/trust/nearest/sketch-table";
import { PROGRAM_VERSION } from "../state/version.ts";

/** Files of several sources: 48 MB. */
export const MAX_REMEMBERED = 500_000;
/** A larger file is none that was written here. */
const MAX_BYTES = 128 << 20;

/** What is remembered; a file that cannot be used counts as none, and is written anew. */
export function loadSketches(stateDir: string): SketchTable {
  const file = fileIn(stateDir);
  try {
    return statSync(file).size > MAX_BYTES ? new SketchTable() : SketchTable.fromBytes(readFileSync(file));
  } catch {
    return new SketchTable();
  }
}

/** Written whole, by rename, or not at all: a directory that cannot be written only costs time. */
export function saveSketches(stateDir: string, sketches: SketchTable): void {
  const file = fileIn(stateDir);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeWhole(file, sketches.toBytes());
  } catch {
    return;
  }
}

function writeWhole(file: string, bytes: Uint8Array): void {
  const part = `${file}.${process.pid}`;
  try {
    writeFileSync(part, bytes, { mode: 0o600 });
    renameSync(part, file);
  } finally {
    // Renamed, it is no longer there.
    rmSync(part, { force: true });
  }
}

function fileIn(stateDir: string): string {
  return join(stateDir, "nearest", `sketches-${PROGRAM_VERSION}`);
}
