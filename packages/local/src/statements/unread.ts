/**
 * Places that were not heard whole. What lies below a flood is told beside what was decided without it. A place
 * that is damaged, or closed to this user, denies: a word against what is asked about may be in it.
 */
import { found, lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { KEPT_DAMAGED, KEPT_GONE } from "./directory.ts";
import type { UnreadablePlace } from "./place.ts";

/** The finding with a line for each of them; as it is where there are none. */
export function tellingUnread(reason: Reason, places: readonly string[]): Reason {
  if (places.length === 0) return reason;
  const told = places.map((place) => found("statements-unread", unreadText(place)));
  return { ...reason, because: [...(reason.because ?? []), ...told] };
}

/** Why nothing can be said while these cannot be read; undefined where there are none. */
export function unreadableReason(broken: readonly UnreadablePlace[]): Reason | undefined {
  if (broken.length === 0) return undefined;
  const because = broken.map(({ place, problem }) =>
    lacking("evidence-unreadable", `${place}: ${problem}`, { remedy: remedyFor(problem) }),
  );
  const what = broken.length === 1 ? "1 place of statements" : `${broken.length} places of statements`;
  const message = `${what} cannot be read whole, so a word against this may be missing: ${because[0]!.message}`;
  return lacking("evidence-unreadable", message, {
    ...(because.length > 1 ? { because } : {}),
    remedy: remedyFor(broken[0]!.problem),
  });
}

function remedyFor(problem: string): string {
  if (problem.includes(KEPT_DAMAGED) || problem.includes(KEPT_GONE))
    return "put the file back from a backup; to go on without what it said, remove it and the .from file beside it";
  if (problem.includes("EACCES"))
    return "as the user whom it belongs to (root for /var/lib/firstmile): firstmile trust update, which opens it to readers";
  return "as the user whom it belongs to (root for /var/lib/firstmile): firstmile trust update, which fetches it anew";
}

export function unreadText(place: string): string {
  return `not all statements of ${place} could be read: what else they say is not heard`;
}
