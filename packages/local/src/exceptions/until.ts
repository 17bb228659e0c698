/** Until when a waiver counts, as a person says it: a day, a moment, or a span from now on. */
import { parseDuration } from "@firstmile/trust/policy/duration";
import { SubjectError } from "./subject-error.ts";

const DAY = 86_400;
/** What is waived for longer is accepted for good, which rules say and no waiver. */
const LONGEST = 366 * DAY;
const HELP = "write a day (2027-06-01), a moment (2027-06-01T12:00:00Z), or a span: 36h, 30d, 8w";

/** Unix seconds. Throws `SubjectError` for what is over, further ahead than a year, or no time at all. */
export function parseUntil(text: string, now: number): number {
  const span = parseDuration(text);
  const until = span === undefined ? momentOf(text) : now + span;
  if (until === undefined) throw new SubjectError(`${text} is no time`, HELP);
  if (until <= now) throw new SubjectError(`${text} is over already`, "name a time that is to come");
  if (until > now + LONGEST)
    throw new SubjectError(
      `${text} is more than a year ahead`,
      "waive it for a year at most, and then look again; what is right for good belongs into the rules",
    );
  return until;
}

/** A day ends with its beginning, as everywhere: it is the first one on which the waiver counts no more. */
function momentOf(text: string): number | undefined {
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/.test(whole)) return undefined;
  const milliseconds = Date.parse(whole);
  const day = whole.slice(0, 10);
  // Date.parse takes the 31st of a shorter month for the 1st of the next.
  const exists = new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) === day;
  return Number.isNaN(milliseconds) || !exists ? undefined : milliseconds / 1000;
}
