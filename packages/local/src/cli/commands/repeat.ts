/** `firstmile repeat WORD`: the same statement, signed with the user's own key as well. */
import type { Statement } from "@firstmile/formats/statement/statement";
import { againstText } from "@firstmile/trust/hearing/in-doubt";
import { isAgainst } from "@firstmile/trust/hearing/words";
import { destination } from "../../exceptions/destination.ts";
import { statementNamed, withdrawalsOf } from "../../exceptions/words.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { harmless, wrap } from "../terminal.ts";
import { wordsAtHand } from "../words-at-hand.ts";
import type { RepeatFlags } from "./repeat.command.ts";
import { showNext, sign } from "./waive.ts";

export async function repeat(this: FirstmileContext, flags: RepeatFlags, word: string): Promise<void> {
  const { places } = await wordsAtHand(this, flags.policy, flags.to);
  const { digest, statement } = await statementNamed(word, places);
  const words = wordsOf(statement);
  if (words === undefined)
    throw badInput(
      `${word} is a ${statement.kind}, which speaks for something`,
      "sign that by its own command, after having looked at it yourself",
    );
  if (isAgainst(statement) && (await withdrawalsOf(digest, places)) > 0)
    throw badInput(
      `a withdrawal of ${word} is at hand, so repeating it may not be heard`,
      "say it anew in words of your own: firstmile distrust, or firstmile review --reject",
    );
  const where = await destination(this.cwd, flags.to, undefined);
  const [kept] = await sign(this, [statement], where);
  if (flags.json) return this.terminal.json({ digest, kind: statement.kind, statement: kept });
  const line = (text: string) => this.terminal.print(wrap(text, this.terminal.width, "  "));
  line(`${this.terminal.style("yellow", "repeated")}  ${harmless(words)}`);
  const before = kept!.fresh ? "" : "; you had signed it before";
  line(`statement ${kept!.name.slice(0, 12)} in ${harmless(where.words)}${before}`);
  showNext(this.terminal, where);
}

/** Undefined of a word for something: a person vouches for that only after having looked. */
function wordsOf(statement: Statement): string | undefined {
  if (statement.kind === "withdraw")
    return `withdrawal of ${statement.statements.length} words: ${statement.because}`;
  if (!isAgainst(statement)) return undefined;
  const why = statement.kind === "distrust" ? statement.because : (statement.note ?? "rejected");
  return `${againstText(statement)}: ${why}`;
}
