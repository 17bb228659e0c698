/**
 * Tree objects: one directory (gitformat-pack has none of this; the rules are those of `git fsck --strict`).
 *
 * Claims: every name is a plain file name and there once, and the entries stand in Git's order, so that two readers
 * see one directory. Against: `..`, `.git` and names with a slash that write outside of where they are checked out,
 * and a file that hides behind a directory of the same name. Leaves out: names that only Windows takes for others.
 */
import { FormatError } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";
import type { ObjectId } from "./object-id.ts";

export interface TreeEntry {
  /** One of `TREE_MODES`. */
  readonly mode: number;
  /** As bytes: file names need not be UTF-8. */
  readonly name: Uint8Array;
  readonly id: ObjectId;
}

/** Directory, file, executable file, symbolic link, commit of a submodule; 100664 was written before Git 1.0. */
export const TREE_MODES = [0o40000, 0o100644, 0o100755, 0o120000, 0o160000, 0o100664] as const;
const DIRECTORY = 0o40000;

/** As Git writes them: octal, without leading zeros. */
const MODES: ReadonlyMap<string, number> = new Map(TREE_MODES.map((mode) => [mode.toString(8), mode]));

const SPACE = 0x20;
const SLASH = 0x2f;

/** Reads a tree's content, whose ids have `idBytes` bytes: 20 (SHA-1) or 32 (SHA-256). Throws `FormatError`. */
export function parseTree(content: Uint8Array, idBytes: 20 | 32): TreeEntry[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  const entries: TreeEntry[] = [];
  const names = new Set<string>();
  for (let at = 0; at < bytes.length; ) {
    const { entry, end } = readEntry(bytes, at, idBytes);
    checkOrder(entries.at(-1), entry, at);
    // A file and a directory of one name need not be neighbours: `a`, `a.b`, `a/`.
    if (names.size === names.add(latin1(entry.name)).size) fail("name", at, "is there twice");
    entries.push(entry);
    at = end;
  }
  return entries;
}

function readEntry(bytes: Buffer, at: number, idBytes: number): { entry: TreeEntry; end: number } {
  const space = endOfMode(bytes, at);
  const mode = MODES.get(bytes.toString("latin1", at, space));
  if (mode === undefined) fail("mode", at, "is not one that Git writes");
  const nul = bytes.indexOf(0, space + 1);
  if (nul < 0) fail("name", space + 1, "does not end");
  const name = bytes.subarray(space + 1, nul);
  checkName(name, space + 1);
  const end = nul + 1 + idBytes;
  if (end > bytes.length) fail("id", nul + 1, `needs ${idBytes} bytes`);
  return { entry: { mode, name, id: bytes.toString("hex", nul + 1, end) as ObjectId }, end };
}

/** Modes have five or six digits: no need to look further for the space. */
function endOfMode(bytes: Buffer, at: number): number {
  if (bytes[at + 5] === SPACE) return at + 5;
  return bytes[at + 6] === SPACE ? at + 6 : fail("mode", at, "has no space behind it");
}

function checkName(name: Buffer, at: number): void {
  if (name.length === 0) fail("name", at, "is empty");
  if (name.includes(SLASH)) fail("name", at, "holds a slash");
  if (name[0] === 0x2e && name.length <= 4 && FORBIDDEN.has(name.toString("latin1").toLowerCase())) {
    fail("name", at, "is not a file's own");
  }
}

/** `.git` in any case: file systems that ignore case take `.GIT` for it. */
const FORBIDDEN: ReadonlySet<string> = new Set([".", "..", ".git"]);

/** Git sorts bytes, directories as if a slash ended their name. */
function checkOrder(before: TreeEntry | undefined, entry: TreeEntry, at: number): void {
  if (before !== undefined && compareEntries(before, entry) >= 0) fail("name", at, "is out of order");
}

function compareEntries(a: TreeEntry, b: TreeEntry): number {
  const shared = Math.min(a.name.length, b.name.length);
  for (let i = 0; i < shared; i++) {
    if (a.name[i] !== b.name[i]) return a.name[i]! - b.name[i]!;
  }
  return nextByte(a, shared) - nextByte(b, shared);
}

function nextByte({ mode, name }: TreeEntry, at: number): number {
  return name[at] ?? (mode === DIRECTORY ? SLASH : 0);
}

function fail(field: string, at: number, problem: string): never {
  throw new FormatError("git tree", field, at, problem);
}
