/** Times in statements: RFC 3339 in UTC, whole seconds, as in `2025-06-01T00:00:00Z`. Each has one spelling. */
import type { JsonMembers } from "../dsse/json-members.ts";

/** Unix seconds as a statement spells them. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** A member that holds a time, in Unix seconds from 0 on. */
export function readTime(members: JsonMembers, key: string): number {
  const text = members.string(key);
  const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  // Date.parse takes 24:00:00 as well, and the 31st of a shorter month for the 1st of the next.
  const exact = seconds >= 0 && timeText(seconds) === text;
  return exact ? seconds : members.fail(key, "is no time in whole seconds of UTC");
}
