/** Words against something that are at hand: which are in doubt, and one of them by the SHA-256 of its statement. */
import { createHash } from "node:crypto";
import type { Statement } from "@firstmile/formats/statement/statement";
import { type DoubtfulWord, wordsInDoubt } from "@firstmile/trust/hearing/in-doubt";
import type { Policy } from "@firstmile/trust/policy/policy";
import { openStatement } from "@firstmile/trust/statement/verify";
import { electorateNow } from "../evidence/electorate.ts";
import { heardStatements } from "../evidence/statements.ts";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { SubjectError } from "./subject-error.ts";

/** A statement with its name. */
export interface NamedStatement {
  /** SHA-256 of the statement in hex. */
  readonly digest: string;
  readonly statement: Statement;
}

/** Fewest digits by which a statement may be named. */
const MIN_DIGITS = 8;

/** All words in doubt by these rules. `policy` with its imports resolved; `now` in Unix seconds. */
export async function doubtfulWords(
  policy: Policy,
  places: readonly StatementPlace[],
  now: number,
): Promise<DoubtfulWord[]> {
  const { policy: filled } = electorateNow(policy, now);
  const { statements } = await heardStatements(filled, places, now, new Set(["distrust", "review"]));
  return wordsInDoubt(filled, statements);
}

/** The one statement whose SHA-256 begins so. Throws `SubjectError` where there is none, or more than one. */
export async function statementNamed(
  text: string,
  places: readonly StatementPlace[],
): Promise<NamedStatement> {
  if (!/^[0-9a-f]{8,64}$/.test(text))
    throw new SubjectError(
      `${text} does not name a statement`,
      `give ${MIN_DIGITS} or more of the hexadecimal digits that firstmile trust update prints`,
    );
  const found = new Map<string, Statement>();
  for (const { envelope } of (await readStatements(places)).found) {
    const opened = openStatement(envelope);
    if (!opened.ok) continue;
    const digest = createHash("sha256").update(opened.envelope.payload).digest("hex");
    if (digest.startsWith(text)) found.set(digest, opened.statement);
  }
  const [one, ...others] = found;
  if (one && others.length === 0) return { digest: one[0], statement: one[1] };
  throw new SubjectError(
    one ? `${text} begins the names of ${found.size} statements` : `no statement at hand is called ${text}`,
    one ? "give more digits" : "run it on a machine that has it: firstmile trust update fetches statements",
  );
}

/** How many withdrawals at hand name a statement. Their signatures are not looked at. */
export async function withdrawalsOf(digest: string, places: readonly StatementPlace[]): Promise<number> {
  const { found } = await readStatements(places);
  return found.filter(({ envelope }) => {
    const opened = openStatement(envelope);
    return opened.ok && opened.statement.kind === "withdraw" && opened.statement.statements.includes(digest);
  }).length;
}
