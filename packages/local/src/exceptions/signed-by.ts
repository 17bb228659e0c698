/** Who of a policy signed a statement that lies somewhere: what it is worth to others, told to whoever wrote it. */
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { peopleBehind } from "@firstmile/trust/signature/identities";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { verifyStatement } from "@firstmile/trust/statement/verify";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";

/** `names`: of envelopes; those who signed any of them. `now` in Unix seconds. */
export async function signedBy(
  policy: Policy,
  place: StatementPlace,
  names: readonly string[],
  now: number,
): Promise<Set<PrincipalName>> {
  const { keys, ownerOf } = statementIdentities(policy);
  const { found } = await readStatements([place]);
  const mine = found.filter(({ name }) => names.includes(name));
  const outcomes = mine.flatMap(({ envelope }) => {
    const verified = verifyStatement(envelope, keys, now);
    return verified.ok ? verified.outcomes : [];
  });
  return peopleBehind(outcomes, ownerOf);
}
