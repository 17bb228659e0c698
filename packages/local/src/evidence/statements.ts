/** Statements about a source: from the repository itself, and from wherever else the caller keeps some. */
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { type VerifiedStatement, verifyStatement } from "@firstmile/trust/statement/verify";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";

/** Those that can be read, with each of their signatures checked. What cannot be read says nothing. */
export async function verifiedStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
): Promise<VerifiedStatement[]> {
  const { found } = await readStatements(places);
  if (found.length === 0) return [];
  const { keys } = statementIdentities(policy);
  return found.map(({ envelope }) => verifyStatement(envelope, keys, now)).filter((result) => result.ok);
}
