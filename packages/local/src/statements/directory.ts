/** Statements in a directory: files `*.json` at any depth, in the order of their names. */
import { constants, type Dirent } from "node:fs";
import { open, opendir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MAX_ENVELOPE } from "@firstmile/formats/dsse/envelope";
import type { Gathered } from "./gathered.ts";
import { envelopeName, LIMITS, type StatementPlace, shardedPath } from "./place.ts";

/** Neither through a link that was put in the file's place meanwhile, nor waiting on a pipe of its name. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Of a statement that is kept says where it came from: it proves that a file of that name was there. */
export const ORIGIN = ".from";

export const KEPT_GONE = "it was kept here, and is gone";
export const KEPT_DAMAGED = "its content was changed or cut off since it was kept";

type Directory = StatementPlace & { kind: "directory" };

export async function readDirectory(place: Directory, gathered: Gathered): Promise<void> {
  await new DirectoryReader(place, gathered).read(place.path, 0);
}

class DirectoryReader {
  /** Whether this machine wrote all of it. */
  readonly #kept: boolean;
  readonly #gathered: Gathered;

  constructor({ kept }: Directory, gathered: Gathered) {
    this.#kept = kept === true;
    this.#gathered = gathered;
  }

  async read(path: string, depth: number): Promise<void> {
    const gathered = this.#gathered;
    if (depth > LIMITS.depth) return gathered.refuse(path, `lies more than ${LIMITS.depth} folders deep`);
    const entries = await this.#entriesOf(path);
    if (this.#kept) this.#missing(path, entries);
    for (const entry of entries) {
      if (gathered.full !== undefined) return gathered.cut(path);
      await this.#readEntry(entry, join(path, entry.name), depth);
    }
  }

  async #entriesOf(path: string): Promise<Dirent[]> {
    const entries: Dirent[] = [];
    for await (const entry of await opendir(path)) {
      if (entries.length >= LIMITS.files) {
        this.#gathered.cut(path);
        break;
      }
      entries.push(entry);
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Statements with nothing left but their origin. */
  #missing(path: string, entries: readonly Dirent[]): void {
    const names = new Set(entries.map(({ name }) => name));
    for (const name of names) {
      const statement = name.endsWith(ORIGIN) ? `${name.slice(0, -ORIGIN.length)}.json` : name;
      if (!names.has(statement)) this.#gathered.fail(join(path, statement), KEPT_GONE);
    }
  }

  async #readEntry(entry: Dirent, path: string, depth: number): Promise<void> {
    try {
      if (entry.isDirectory()) await this.read(path, depth + 1);
      else if (!entry.name.endsWith(".json")) return;
      else if (!entry.isFile()) this.#refuse(path, "is not a regular file");
      else await this.#readFile(path);
    } catch (error) {
      this.#gathered.fail(path, error instanceof Error ? error.message : String(error));
    }
  }

  /** Another person's file may be anything; one that this machine wrote was a statement. */
  #refuse(path: string, problem: string): void {
    if (this.#kept) this.#gathered.fail(path, problem);
    else this.#gathered.refuse(path, problem);
  }

  async #readFile(path: string): Promise<void> {
    await using file = await open(path, READ);
    if (!(await file.stat()).isFile()) return this.#refuse(path, "is not a regular file");
    // One byte more than is allowed, so that a file that grows meanwhile is found out as well.
    const buffer = Buffer.alloc(MAX_ENVELOPE + 1);
    let length = 0;
    for (let more = 1; more > 0 && length < buffer.length; length += more) {
      more = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
    }
    if (length > MAX_ENVELOPE) return this.#refuse(path, `has more than ${MAX_ENVELOPE} bytes`);
    const envelope = Buffer.from(buffer.subarray(0, length));
    if (this.#kept && !isNamedBy(envelope, path)) return this.#gathered.fail(path, KEPT_DAMAGED);
    this.#gathered.add(envelope, path);
  }
}

function isNamedBy(envelope: Uint8Array, path: string): boolean {
  const [folder, file] = shardedPath(envelopeName(envelope));
  return basename(path) === file && basename(dirname(path)) === folder;
}
