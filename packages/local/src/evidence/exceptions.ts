/**
 * What people say beside the rules, for whatever is no file of a source: what wardens speak against, and what is
 * accepted for now. It decides nothing itself: `@firstmile/trust/slice` does.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { NOTHING_OLD, Standing } from "@firstmile/trust/history/standing";
import type { Policy } from "@firstmile/trust/policy/policy";
import { type Identities, identitiesOf } from "@firstmile/trust/signature/identities";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { Waivers } from "@firstmile/trust/slice/waivers";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import type { StatementPlace, UnreadablePlace } from "../statements/place.ts";
import { type ReadStatements, readStatements } from "../statements/read.ts";
import { electorateNow } from "./electorate.ts";
import { heardIn } from "./statements.ts";

export interface Exceptions<P extends Policy> {
  /** The rules without the keys that are distrusted. */
  readonly policy: P;
  readonly distrust: Distrust;
  readonly waivers: Waivers;
  /** Places that could not be read, and may hold more of what wardens speak against. */
  readonly broken: readonly UnreadablePlace[];
  /** Unix seconds from which on they may be others. */
  readonly validUntil: number;
}

const KINDS = new Set(["distrust", "waiver"] as const);

/** `policy` with its imports resolved; `now` in Unix seconds. */
export async function gatherExceptions<P extends Policy>(
  policy: P,
  places: readonly StatementPlace[],
  now: number,
): Promise<Exceptions<P>> {
  return exceptionsIn(policy, await readStatements(places), now);
}

/** The same of what was read already. */
export function exceptionsIn<P extends Policy>(policy: P, read: ReadStatements, now: number): Exceptions<P> {
  const heard = heardIn(electorateNow(policy, now).policy, read, now, KINDS);
  const { statements: all, broken } = heard;
  const distrust = new Distrust(electorateNow(policy, now).policy, all);
  const applied = distrust.applied(policy);
  const { policy: filled, validUntil = Number.POSITIVE_INFINITY } = electorateNow(applied, now);
  const identities = identitiesOf(filled);
  const weighed = weighedToday(all, identities);
  const waivers = new Waivers(filled, identities.ownerOf, weighed, now);
  const until = timesOf(weighed, now).reduce((a, b) => Math.min(a, b), validUntil);
  return { policy: applied, distrust, waivers, broken, validUntil: until };
}

/** What is over no commit: a key that was retired has no old word here, and one that is compromised none. */
export function weighedToday(
  statements: readonly VerifiedStatement[],
  identities: Identities,
): VerifiedStatement[] {
  const standing = new Standing(identities, NOTHING_OLD);
  return statements.map((one) => ({
    ...one,
    outcomes: one.outcomes.map((outcome) => standing.weigh(outcome, "" as CommitId)),
  }));
}

/** When a key behind a statement expires, or a waiver ends. */
export function timesOf(statements: readonly VerifiedStatement[], now: number): number[] {
  return statements.flatMap(({ statement, outcomes }) => {
    const keys = outcomes.flatMap((outcome) => (outcome.valid ? (outcome.validUntil ?? []) : []));
    return statement.kind === "waiver" && statement.until > now ? [...keys, statement.until] : keys;
  });
}
