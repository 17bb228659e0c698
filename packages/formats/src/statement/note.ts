/** What somebody has to say, shown on terminals as it stands. */
import type { JsonMembers } from "../dsse/json-members.ts";

/** In UTF-16 code units. */
const MAX_NOTE = 8192;
/** Control characters but the line feed, and what reverses the direction of text. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

/** A member with a person's words, where there is one. */
export function readNote(members: JsonMembers, key: string): string | undefined {
  const note = members.optionalString(key);
  if (note === undefined) return undefined;
  if (!isNote(note)) members.fail(key, `is not 1 to ${MAX_NOTE} printable characters`);
  return note;
}

/** Whether a statement can hold a text as somebody's words. */
export function isNote(text: string): boolean {
  return text !== "" && text.length <= MAX_NOTE && !UNPRINTABLE.test(text.replaceAll("\n", ""));
}

/** The same of a member that has to be there. */
export function requireNote(members: JsonMembers, key: string): string {
  return readNote(members, key) ?? members.fail(key, "is missing");
}
