/** Statements that speak against something, and the good signatures on them, whatever became of their keys since. */
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import type { ReviewStatement } from "@firstmile/formats/statement/review";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { SignatureOutcome, SignatureValid } from "../signature/outcome.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import type { Book } from "./books.ts";

export type WordAgainst = DistrustStatement | (ReviewStatement & { readonly verdict: "reject" });

/** One good signature on a word against something. */
export interface Spoken extends Pick<SignatureValid, "key" | "signingKey"> {
  /** The rules that list the very key that it was checked by. Absent: those of today. */
  readonly books?: readonly Book[];
  /** Whether root ended what is in doubt by this key. */
  readonly endsInDoubt?: boolean;
}

/** Whether it stays in force until a signed withdrawal ends it. */
export function isAgainst(statement: Statement): statement is WordAgainst {
  return statement.kind === "distrust" || (statement.kind === "review" && statement.verdict === "reject");
}

/** By the keys of today. A key that has expired, or that its owner withdrew without harm, has said what it said. */
export function spokenIn(outcomes: readonly SignatureOutcome[]): Spoken[] {
  return outcomes.flatMap((outcome) => {
    const good = outcome.valid ? outcome : outcome.lapsed;
    return good ? [{ key: good.key, signingKey: good.signingKey }] : [];
  });
}

/** The signatures behind a word against something: those found on reading it, or else the good ones among its outcomes. */
export function spokenOf({ spoken, outcomes }: Pick<VerifiedStatement, "spoken" | "outcomes">) {
  return spoken ?? spokenIn(outcomes);
}
