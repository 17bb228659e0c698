import type { Signature } from "@firstmile/formats/openpgp/signature";
import type { RevocationReason } from "@firstmile/formats/openpgp/statements";

/**
 * A revoked key makes no more valid signatures here, whichever kind it is: the dates that could tell an old
 * signature from a new one are the word of whoever holds the key. The kind is for the person who reads why.
 */
export interface Revocation {
  /** Soft: superseded or retired. Hard: compromised, or no (known) reason given (RFC 9580 section 5.2.3.31). */
  readonly kind: "hard" | "soft";
  readonly reason: string;
}

const SOFT: ReadonlyMap<number, string> = new Map([
  [1, "superseded"],
  [3, "retired"],
]);

/** The gravest of several revocations of one key. */
export function gravest(revocations: readonly Signature[]): Revocation | undefined {
  const read = revocations.map(({ revocationReason }) => revocationOf(revocationReason));
  return read.find(({ kind }) => kind === "hard") ?? read[0];
}

function revocationOf(reason: RevocationReason | undefined): Revocation {
  const soft = SOFT.get(reason?.code ?? 0);
  if (soft !== undefined) return { kind: "soft", reason: soft };
  return { kind: "hard", reason: reason?.code === 2 ? "compromised" : "no reason given" };
}
