/**
 * What people say of downloads, gathered on this machine: handoffs, waivers and distrusts from every place. It decides
 * nothing itself: `@firstmile/trust/handoff` does.
 */
import { handoffsOf } from "@firstmile/trust/handoff/decide";
import type { VerifiedHandoff } from "@firstmile/trust/handoff/verify";
import type { Policy } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { Waivers } from "@firstmile/trust/slice/waivers";
import { electorateNow } from "../evidence/electorate.ts";
import { timesOf, weighedToday } from "../evidence/exceptions.ts";
import { heardStatements } from "../evidence/statements.ts";
import type { StatementPlace, UnreadablePlace } from "../statements/place.ts";

export interface GatheredHandoffs {
  /** The rules as they are now: certified roles filled in, distrusted keys taken out. */
  readonly policy: Policy;
  readonly handoffs: readonly VerifiedHandoff[];
  readonly waivers: Waivers;
  readonly distrust: Distrust;
  /** Places that could not be read: while there are any, no download may pass. */
  readonly broken: readonly UnreadablePlace[];
  /** Unix seconds from which on the answers may be others. */
  readonly validUntil: number;
}

/** `policy` with its imports resolved; `now` in Unix seconds. */
export async function gatherHandoffs(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
): Promise<GatheredHandoffs> {
  const { policy: filled, validUntil } = electorateNow(policy, now);
  const { statements, broken } = await heardStatements(filled, places, now);
  const distrust = new Distrust(filled, statements);
  const applied = distrust.applied(filled);
  const identities = identitiesOf(applied);
  const weighed = weighedToday(statements, identities);
  const waivers = new Waivers(applied, identities.ownerOf, weighed, now);
  const until = timesOf(statements, now).reduce(
    (a, b) => Math.min(a, b),
    validUntil ?? Number.POSITIVE_INFINITY,
  );
  const handoffs = handoffsOf(statements);
  return { policy: applied, handoffs, waivers, distrust, broken, validUntil: until };
}
