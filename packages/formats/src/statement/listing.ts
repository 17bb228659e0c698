/**
 * What a directory told about its names: a whole listing, or the answers to single questions.
 *
 * Claims: one text for each listing, and one listing for each text. A line is a letter for the type, a space and the
 * name in the one spelling of path.ts; lines are sorted by the bytes of the name, each name once. Against: a name with
 * a line feed in it that would read as two entries. Leaves out sizes, and whether a file is executable: what opens a
 * file records that.
 */
import { createHash } from "node:crypto";
import { FormatError } from "../bytes/error.ts";
import { STATEMENT } from "../dsse/format-names.ts";
import { hashObject, type ObjectId } from "../git/object-id.ts";
import { parsePath, spellPath } from "./path.ts";

/** A regular file, a directory, a symbolic link, a submodule (to Nix an empty directory). */
export type EntryType = "f" | "d" | "l" | "s";
/** `-`: nothing has this name. */
export type AnswerType = EntryType | "-";

/** One name of a directory. */
export interface NamedEntry<Type extends AnswerType = EntryType> {
  readonly type: Type;
  /** Latin-1, one character a byte; without a slash. */
  readonly name: string;
}

/** A listing or an answer as a content, named like a file's. */
export interface NamesContent {
  readonly mode: number;
  /** Of a blob with the text, by SHA-1: no repository holds it. */
  readonly id: ObjectId;
  /** Of the text, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Of a directory, as in a Git tree. */
export const LISTING_MODE = 0o40000;
/** Of an answer about one name: no tree has it. */
export const ANSWER_MODE = 0;

const SPELLED = /^([fdls-]) (.+)$/s;

/** The type of an entry whose mode a Git tree gives. */
export function entryType(mode: number): EntryType {
  if (mode === 0o160000) return "s";
  if (mode === 0o120000) return "l";
  return mode === LISTING_MODE ? "d" : "f";
}

/** Writes one entry. Throws `FormatError` for a name that no tree has. */
export function spellEntry({ type, name }: NamedEntry<AnswerType>): string {
  if (name.includes("/")) throw new FormatError(STATEMENT, "name", 0, "has a slash");
  return `${type} ${spellPath(name)}`;
}

/** Reads one entry in its one spelling. Throws `FormatError`. */
export function parseEntry(spelled: string): NamedEntry<AnswerType> {
  const [, type, rest] = SPELLED.exec(spelled) ?? [];
  if (type === undefined || rest === undefined)
    throw new FormatError(STATEMENT, "name", 0, "is not a type, a space and a name");
  const name = parsePath(rest);
  if (name.includes("/")) throw new FormatError(STATEMENT, "name", 0, "has a slash");
  return { type: type as AnswerType, name };
}

/** In the order of listings, by the bytes of the names. */
export function sortedEntries<Type extends AnswerType>(entries: Iterable<NamedEntry<Type>>) {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** A line for each entry; the entries must be sorted. */
export function listingText(entries: readonly NamedEntry[]): string {
  return entries.map((entry) => `${spellEntry(entry)}\n`).join("");
}

/** The content that a listing is. The entries must be sorted. */
export function listingContent(entries: readonly NamedEntry[]): NamesContent {
  return contentOf(LISTING_MODE, listingText(entries));
}

/** The content that the answer about one path is: a line as in a listing, with the whole path in place of the name. */
export function answerContent(type: AnswerType, path: string): NamesContent {
  return contentOf(ANSWER_MODE, `${type} ${spellPath(path)}\n`);
}

function contentOf(mode: number, text: string): NamesContent {
  const bytes = Buffer.from(text);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { mode, id: hashObject("blob", bytes, "sha1"), sha256 };
}

/** A directory's path in a statement: `.` for the root of the tree. */
export function spellDirectory(path: string): string {
  return path === "" ? "." : spellPath(path);
}

/** Throws `FormatError`. */
export function parseDirectory(spelled: string): string {
  return spelled === "." ? "" : parsePath(spelled);
}

/** Whether a tree may hold an entry of this name at all: of others nothing is to be said. */
export function isTreeName(name: string): boolean {
  return (
    name !== "" && name !== "." && name !== ".." && !/^\.git$/i.test(name) && !/[/\0]|[^\0-\xff]/.test(name)
  );
}

/** Whether a name has nothing in it that a shell, or another program that is handed it, may take for more. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9._+@%,=-]+$/.test(name);
}
