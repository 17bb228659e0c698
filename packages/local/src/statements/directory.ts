/** Statements in a directory: files `*.json` at any depth, in the order of their names. */
import { constants, type Dirent } from "node:fs";
import { open, opendir } from "node:fs/promises";
import { join } from "node:path";
import { MAX_ENVELOPE } from "@firstmile/formats/dsse/envelope";
import type { Gathered } from "./gathered.ts";
import { LIMITS } from "./place.ts";

/** Neither through a link that was put in the file's place meanwhile, nor waiting on a pipe of its name. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export async function readDirectory(path: string, gathered: Gathered, depth = 0): Promise<void> {
  if (depth > LIMITS.depth) return gathered.refuse(path, `lies more than ${LIMITS.depth} folders deep`);
  for (const entry of await entriesOf(path, gathered)) {
    if (gathered.full !== undefined) return gathered.cut(path);
    await readEntry(entry, join(path, entry.name), gathered, depth);
  }
}

async function entriesOf(path: string, gathered: Gathered): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  for await (const entry of await opendir(path)) {
    if (entries.length >= LIMITS.files) {
      gathered.cut(path);
      break;
    }
    entries.push(entry);
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readEntry(entry: Dirent, path: string, gathered: Gathered, depth: number): Promise<void> {
  try {
    if (entry.isDirectory()) await readDirectory(path, gathered, depth + 1);
    else if (!entry.name.endsWith(".json")) return;
    else if (!entry.isFile()) gathered.refuse(path, "is no regular file");
    else await readFile(path, gathered);
  } catch (error) {
    gathered.refuse(path, error instanceof Error ? error.message : String(error));
  }
}

async function readFile(path: string, gathered: Gathered): Promise<void> {
  await using file = await open(path, READ);
  if (!(await file.stat()).isFile()) return gathered.refuse(path, "is no regular file");
  // One byte more than is allowed, so that a file that grows meanwhile is found out as well.
  const buffer = Buffer.alloc(MAX_ENVELOPE + 1);
  let length = 0;
  for (let more = 1; more > 0 && length < buffer.length; length += more) {
    more = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
  }
  if (length > MAX_ENVELOPE) return gathered.refuse(path, `has more than ${MAX_ENVELOPE} bytes`);
  gathered.add(Buffer.from(buffer.subarray(0, length)), path);
}
