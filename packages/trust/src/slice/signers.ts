/**
 * Who signed what, of the statements of one kind. Claim: people who signed the same statement are counted together,
 * also where each signed in an envelope of their own; and the order in which envelopes were found tells nothing.
 */
import type { Statement } from "@firstmile/formats/statement/statement";
import type { PrincipalName } from "../policy/names.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { VerifiedStatement } from "../statement/verify.ts";

export interface SignedTogether<S extends Statement> {
  readonly statement: S;
  /** SHA-256 of the statement in hex. */
  readonly digest: string;
  /** At least one. */
  readonly by: ReadonlySet<PrincipalName>;
}

/** By digest. What nobody of the policy signed is left out. */
export function signedTogether<S extends Statement>(
  statements: Iterable<VerifiedStatement>,
  ownerOf: Identities["ownerOf"],
  wanted: (statement: Statement) => statement is S,
): SignedTogether<S>[] {
  const found = new Map<string, { statement: S; by: Set<PrincipalName> }>();
  for (const { statement, outcomes, digest } of statements) {
    if (!wanted(statement)) continue;
    const known = found.get(digest) ?? { statement, by: new Set<PrincipalName>() };
    for (const name of peopleBehind(outcomes, ownerOf)) known.by.add(name);
    if (known.by.size > 0) found.set(digest, known);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([digest, { statement, by }]) => ({ statement, digest, by }));
}
