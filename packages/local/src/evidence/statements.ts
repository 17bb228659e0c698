/** Statements about a source: from the repository itself, and from wherever else the caller keeps some. */
import type { Statement } from "@firstmile/formats/statement/statement";
import { type Hearing, hearingOf } from "@firstmile/trust/hearing/hearing";
import { withoutWithdrawn } from "@firstmile/trust/hearing/withdrawals";
import { isAgainst } from "@firstmile/trust/hearing/words";
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import {
  type OpenedStatement,
  openStatement,
  type VerifiedStatement,
  verifyOpened,
} from "@firstmile/trust/statement/verify";
import type { StatementPlace, UnreadablePlace } from "../statements/place.ts";
import { type ReadStatements, readStatements } from "../statements/read.ts";

export interface HeardStatements {
  /** With each of their signatures checked. */
  readonly statements: readonly VerifiedStatement[];
  /** Places of which not everything could be read. */
  readonly incomplete: readonly string[];
  /** Places that are damaged or closed to this user: nothing may be allowed while there are any. */
  readonly broken: readonly UnreadablePlace[];
}

/**
 * Those that can be read, and the places that cannot. With `kinds`, of these kinds alone: signatures on the others
 * are not looked at. Words against something carry all good signatures by keys that the rules ever listed, without
 * those that were taken back.
 */
export async function heardStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
  kinds?: ReadonlySet<Statement["kind"]>,
): Promise<HeardStatements> {
  return heardIn(policy, await readStatements(places), now, kinds);
}

/** The same of what was read already. */
export function heardIn(
  policy: Policy,
  { found, incomplete, broken }: ReadStatements,
  now: number,
  kinds?: ReadonlySet<Statement["kind"]>,
): HeardStatements {
  if (found.length === 0) return { statements: [], incomplete, broken };
  const { keys } = statementIdentities(policy);
  const hearing = hearingOf(policy);
  const wanted = kinds && new Set([...kinds, ...DECIDING]);
  const statements = found.flatMap(({ envelope }) => {
    const opened = openStatement(envelope);
    if (!opened.ok || (wanted && !wanted.has(opened.statement.kind))) return [];
    return [heard(verifyOpened(opened, keys, now), opened, hearing, now)];
  });
  return { statements: withoutWithdrawn(policy, statements), incomplete, broken };
}

/** Without these it is not known what was taken back. */
const DECIDING: readonly Statement["kind"][] = ["distrust", "withdraw"];

function heard(
  verified: VerifiedStatement,
  opened: OpenedStatement,
  hearing: Hearing,
  now: number,
): VerifiedStatement {
  if (!isAgainst(verified.statement)) return verified;
  return { ...verified, spoken: [...(verified.spoken ?? []), ...hearing.formerlySpoken(opened, now)] };
}
