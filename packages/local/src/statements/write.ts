/**
 * Puts envelopes where others find them.
 *
 * Claims: a file is there whole or not at all, is called by the SHA-256 of its content, and two that write at once
 * both arrive. Leaves out: what the envelope says; whoever signs has read it.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseEnvelope } from "@firstmile/formats/dsse/envelope";
import { envelopeName, type StatementPlace, shardedPath } from "./place.ts";
import { writeToRef } from "./write-ref.ts";

/** Where statements may be written: into a commit's tree they go by committing them. */
export type WritablePlace = Exclude<StatementPlace, { kind: "commit" | "tree" }>;

/** Where the envelope is now, for a person. */
export interface WrittenStatement {
  readonly name: string;
  readonly where: string;
}

/** Writes an envelope; one that is there already is there once. Throws `FormatError` where the bytes are none. */
export async function writeStatement(place: WritablePlace, envelope: Uint8Array): Promise<WrittenStatement> {
  parseEnvelope(envelope);
  const name = envelopeName(envelope);
  const where =
    place.kind === "directory"
      ? await writeFile(place.path, name, envelope)
      : await writeToRef(place, name, envelope);
  return { name, where };
}

async function writeFile(directory: string, name: string, envelope: Uint8Array): Promise<string> {
  const [folder, file] = shardedPath(name);
  const path = join(directory, folder, file);
  await mkdir(join(directory, folder), { recursive: true });
  // Not `*.json`: a reader that comes by meanwhile passes over it.
  const part = join(directory, folder, `${randomUUID()}.part`);
  try {
    await writeWhole(part, envelope);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
  return path;
}

async function writeWhole(path: string, content: Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o644);
  await file.writeFile(content);
  await file.sync();
}
