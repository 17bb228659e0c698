/**
 * Statements about the newest commit, out of all those at hand. Claim: what comes out is about this one source, or
 * about the trust repository, and by people of this policy with keys that root has not put an end to. Against: a
 * statement about another source, served for this one; one signed with a key given up. Left out: whether those people
 * are of the role asked for, and whether it is recent (judge-head.ts).
 */
import type { HeadStatement as Stated } from "@firstmile/formats/statement/head";
import type { Statement } from "@firstmile/formats/statement/statement";
import { NOTHING_OLD, Standing } from "../history/standing.ts";
import type { SourceName } from "../policy/names.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { HeadStatement } from "./judge-head.ts";

/** An envelope whose signatures were checked (`VerifiedStatement`). */
export interface CheckedStatement {
  readonly statement: Statement;
  readonly outcomes: readonly SignatureOutcome[];
}

/** `source` undefined: statements about the trust repository itself. */
export function statedHeads(
  statements: Iterable<CheckedStatement>,
  source: SourceName | undefined,
  identities: Pick<Identities, "ownerOf" | "lives">,
): HeadStatement[] {
  // A statement is of today: a retired key, good for old commits, signs no more of them.
  const standing = new Standing(identities, NOTHING_OLD);
  return [...statements].flatMap(({ statement, outcomes }) => {
    if (!isHead(statement) || statement.source !== (source ?? null)) return [];
    const weighed = outcomes.map((outcome) => standing.weigh(outcome, statement.commit));
    const principals = peopleBehind(weighed, identities.ownerOf);
    return principals.size > 0 ? [{ commit: statement.commit, at: statement.at, principals }] : [];
  });
}

function isHead(statement: Statement): statement is Stated {
  return statement.kind === "head";
}
