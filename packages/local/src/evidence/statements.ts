/** Statements about a source: from the repository itself, and from wherever else the caller keeps some. */
import type { Statement } from "@firstmile/formats/statement/statement";
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { openStatement, type VerifiedStatement, verifyOpened } from "@firstmile/trust/statement/verify";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";

export interface HeardStatements {
  /** With each of their signatures checked. */
  readonly statements: readonly VerifiedStatement[];
  /** Places of which not everything could be read. */
  readonly incomplete: readonly string[];
}

/**
 * Those that can be read. What cannot be read says nothing. With `kinds`, of these kinds alone: signatures on the others
 * are not looked at.
 */
export async function heardStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
  kinds?: ReadonlySet<Statement["kind"]>,
): Promise<HeardStatements> {
  const { found, incomplete } = await readStatements(places);
  if (found.length === 0) return { statements: [], incomplete };
  const { keys } = statementIdentities(policy);
  const statements = found.flatMap(({ envelope }) => {
    const opened = openStatement(envelope);
    if (!opened.ok || (kinds && !kinds.has(opened.statement.kind))) return [];
    return [verifyOpened(opened, keys, now)];
  });
  return { statements, incomplete };
}

/** The same, where it is told elsewhere what could not be read. */
export async function verifiedStatements(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
  kinds?: ReadonlySet<Statement["kind"]>,
): Promise<readonly VerifiedStatement[]> {
  return (await heardStatements(policy, places, now, kinds)).statements;
}
