/** Statements about a source: from the repository itself, and from wherever else the caller keeps some. */
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { type VerifiedStatement, verifyStatement } from "@firstmile/trust/statement/verify";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";

export interface HeardStatements {
  /** With each of their signatures checked. */
  readonly statements: readonly VerifiedStatement[];
  /** Places of which not everything could be read. */
  readonly incomplete: readonly string[];
}

/** Those that can be read. What cannot be read says nothing. */
export async function heardStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
): Promise<HeardStatements> {
  const { found, incomplete } = await readStatements(places);
  if (found.length === 0) return { statements: [], incomplete };
  const { keys } = statementIdentities(policy);
  const verified = found.map(({ envelope }) => verifyStatement(envelope, keys, now));
  return { statements: verified.filter((result) => result.ok), incomplete };
}

/** The same, where it is told elsewhere what could not be read. */
export async function verifiedStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
): Promise<readonly VerifiedStatement[]> {
  return (await heardStatements(policy, places, now)).statements;
}
