/** Places of which not everything was heard, told beside what was decided without it. */
import { found, type Reason } from "@firstmile/trust/verdict/verdict";

/** The finding with a line for each of them; as it is where there are none. */
export function tellingUnread(reason: Reason, places: readonly string[]): Reason {
  if (places.length === 0) return reason;
  const told = places.map((place) => found("statements-unread", unreadText(place)));
  return { ...reason, because: [...(reason.because ?? []), ...told] };
}

export function unreadText(place: string): string {
  return `not all statements of ${place} could be read: what else they say is not heard`;
}
