/**
 * Who is in the certified roles of a policy, worked out once for as long as the answer holds: a distribution's keyring
 * takes most of a second. A certification that only becomes valid meanwhile is seen when the answer ends; one that
 * runs out ends it.
 */
import { type ElectorateAt, electorateAt } from "@firstmile/trust/policy/electorate";
import type { Policy } from "@firstmile/trust/policy/policy";

interface Known {
  readonly at: number;
  readonly electorate: ElectorateAt;
}

const known = new WeakMap<Policy, Known>();

/** `now` in Unix seconds. */
export function electorateNow(policy: Policy, now: number): ElectorateAt {
  const before = known.get(policy);
  if (before && before.at <= now && now < (before.electorate.validUntil ?? Number.POSITIVE_INFINITY))
    return before.electorate;
  const electorate = electorateAt(policy, now);
  known.set(policy, { at: now, electorate });
  return electorate;
}
