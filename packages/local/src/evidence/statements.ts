/** Statements about a source: from the repository itself, and from wherever else the caller keeps some. */
import type { Statement } from "@firstmile/formats/statement/statement";
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { openStatement, type VerifiedStatement, verifyOpened } from "@firstmile/trust/statement/verify";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";

/**
 * Those that can be read, with each of their signatures checked. What cannot be read says nothing. With `kinds`, of
 * these kinds alone: signatures on the others are not looked at.
 */
export async function verifiedStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
  kinds?: ReadonlySet<Statement["kind"]>,
): Promise<VerifiedStatement[]> {
  const { found } = await readStatements(places);
  if (found.length === 0) return [];
  const { keys } = statementIdentities(policy);
  return found.flatMap(({ envelope }) => {
    const opened = openStatement(envelope);
    if (!opened.ok || (kinds && !kinds.has(opened.statement.kind))) return [];
    return [verifyOpened(opened, keys, now)];
  });
}
