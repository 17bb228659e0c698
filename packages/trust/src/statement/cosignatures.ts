/**
 * Co-signatures of commits among statements, beside those that travel as notes.
 *
 * Claims: a signature counts for the one commit that its statement names. Where the statement names the NAR hash of
 * the commit's tree too, whoever counts it must compare that hash when the tree is at hand: it is what SHA-256 the
 * signer saw behind a SHA-1. Leaves out: the comparison, for which trees must be read.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { NarHash } from "@firstmile/formats/nix/hash";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { VerifiedStatement } from "./verify.ts";

export interface StatementCosignature {
  readonly outcome: SignatureOutcome;
  /** Of the tree that the signer saw; undefined where the statement does not say. */
  readonly narHash: NarHash | undefined;
}

/** By commit; several statements about one commit come together. */
export function cosignaturesOf(
  statements: Iterable<VerifiedStatement>,
): ReadonlyMap<CommitId, readonly StatementCosignature[]> {
  const byCommit = new Map<CommitId, StatementCosignature[]>();
  for (const { statement, outcomes } of statements) {
    if (statement.kind !== "cosign") continue;
    const { commit, narHash } = statement;
    const made = outcomes.map((outcome) => ({ outcome, narHash }));
    const known = byCommit.get(commit);
    if (known) known.push(...made);
    else byCommit.set(commit, made);
  }
  return byCommit;
}
