/**
 * Statements that a place carried once and that this machine keeps, whatever the place carries now: trust/held/ in the
 * state directory.
 *
 * Claims: what is kept is heard with every question until it is withdrawn; a file that is changed, cut off or
 * removed is noticed; and the number and size are bounded, where one too many is refused and never takes the room of
 * another. Against: a server that rewinds a ref, an owner who pushes with force, a full disk. Leaves out which
 * statements are worth keeping (`trust-repository/keep-words`).
 *
 * Each has a file of its own, so that two programs that keep at once both succeed. Beside it a file `.from` says where
 * it came from, and proves that it was there.
 */
import { chmodSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RepositoryError } from "../git/neutral.ts";
import { ORIGIN } from "./directory.ts";
import { type FoundStatement, type StatementPlace, shardedPath } from "./place.ts";
import { writeStatement } from "./write.ts";

/** Most statements kept, and their bytes. `strangers`: most of people whom the rules do not know. */
export const KEPT_LIMITS = { statements: 20_000, bytes: 64 << 20, strangers: 1000 } as const;

/** The room for kept words is full, so that no place may lose what it carries. */
export class KeptFull extends RepositoryError {
  constructor(directory: string) {
    const { statements, bytes } = KEPT_LIMITS;
    super(
      `${directory} keeps ${statements} statements or ${bytes >> 20} MiB, and takes no more; look at it, and remove what is not needed any more`,
    );
    this.name = "KeptFull";
  }
}

export function keptDirectory(stateDir: string): string {
  return join(stateDir, "trust", "held");
}

/** What is kept, as a place that is read whole before others; nothing where nothing is kept. */
export function keptPlaces(stateDir: string): (StatementPlace & { kind: "directory" })[] {
  const path = keptDirectory(stateDir);
  if (!existsSync(path)) return [];
  return [{ kind: "directory", path, first: true, kept: true, called: `${path}, which keeps them` }];
}

/** Changes whenever more is kept. */
export function keptGeneration(stateDir: string): string {
  const { mtimeMs, ino } = statSync(stampFile(keptDirectory(stateDir)), { throwIfNoEntry: false }) ?? {};
  return `${mtimeMs} ${ino}`;
}

/** Keeps them. `from`: the place that carried them, as a person knows it; undefined: where each was found. */
export async function keepStatements(
  stateDir: string,
  statements: readonly FoundStatement[],
  from: string | undefined,
): Promise<void> {
  if (statements.length === 0) return;
  const path = keptDirectory(stateDir);
  makeReadable(path);
  for (const { name, envelope, where } of statements) {
    const [folder, file] = shardedPath(name);
    await writeStatement({ kind: "directory", path }, envelope);
    makeReadable(join(path, folder));
    openToReaders(join(path, folder, file));
    replace(
      join(path, folder, file.replace(/\.json$/, ORIGIN)),
      `${JSON.stringify({ from: from ?? where })}\n`,
    );
  }
  replace(stampFile(path), `${process.pid} ${performance.now()}\n`);
}

function makeReadable(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  chmodSync(directory, 0o755);
}

function openToReaders(file: string): void {
  chmodSync(file, 0o644);
}

function replace(file: string, text: string): void {
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, text, { mode: 0o644, flush: true });
  openToReaders(part);
  renameSync(part, file);
}

function stampFile(directory: string): string {
  return join(directory, "changed");
}
