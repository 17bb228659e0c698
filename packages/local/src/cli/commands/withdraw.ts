/** `firstmile withdraw WORD … --because TEXT`. */
import type { WithdrawStatement } from "@firstmile/formats/statement/withdraw";
import { againstText } from "@firstmile/trust/hearing/in-doubt";
import { isAgainst } from "@firstmile/trust/hearing/words";
import type { PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { meets } from "@firstmile/trust/policy/thresholds";
import { destination } from "../../exceptions/destination.ts";
import { namedKey } from "../../exceptions/named-key.ts";
import { signedBy } from "../../exceptions/signed-by.ts";
import { type NamedStatement, statementNamed } from "../../exceptions/words.ts";
import type { StatementPlace } from "../../statements/place.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { harmless, wrap } from "../terminal.ts";
import { wordsAtHand } from "../words-at-hand.ts";
import { requireReason, showNext, sign } from "./waive.ts";
import type { WithdrawFlags } from "./withdraw.command.ts";

export async function withdraw(
  this: FirstmileContext,
  flags: WithdrawFlags,
  ...words: readonly string[]
): Promise<void> {
  const because = requireReason(flags.because);
  const keys = [...new Set((flags.key ?? []).flatMap(keyNamed))].sort();
  if (words.length + keys.length === 0)
    throw badInput(
      "no word is named that could end",
      "firstmile withdraw WORD, as firstmile trust update lists them, or --key FINGERPRINT",
    );
  const { rules, places } = await wordsAtHand(this, flags.policy, flags.to);
  const named: NamedStatement[] = [];
  for (const word of words) named.push(await wordAgainst(word, places));
  const statements = [...new Set(named.map(({ digest }) => digest))].sort();
  const withdrawal: WithdrawStatement = { kind: "withdraw", statements, keys, because };
  const where = await destination(this.cwd, flags.to, undefined);
  const [kept] = await sign(this, [withdrawal], where);
  const by = rules
    ? await signedBy(rules.policy, where.place, [kept!.name], this.now)
    : new Set<PrincipalName>();
  const doubts = rules ? doubtsOf(rules.policy, by) : [];
  if (flags.json) return this.terminal.json({ statements, keys, because, statement: kept, doubts });
  const line = (text: string) => this.terminal.print(wrap(text, this.terminal.width, "  "));
  const { terminal } = this;
  for (const { statement } of named)
    if (isAgainst(statement))
      line(`${terminal.style("yellow", "withdrawn")}  ${harmless(againstText(statement))}`);
  for (const key of keys)
    line(`${terminal.style("yellow", "withdrawn")}  what is in doubt by key ${harmless(key)}`);
  line(`statement ${kept!.name.slice(0, 12)} in ${harmless(where.words)}`);
  for (const doubt of doubts) terminal.say(wrap(doubt, terminal.width, "  "));
  showNext(terminal, where);
}

async function wordAgainst(text: string, places: readonly StatementPlace[]): Promise<NamedStatement> {
  const found = await statementNamed(text, places);
  if (isAgainst(found.statement)) return found;
  throw badInput(
    `${text} is a ${found.statement.kind}, which does not speak against anything`,
    "only a distrust and a rejection are withdrawn",
  );
}

function keyNamed(text: string): readonly string[] {
  const named = namedKey(text);
  if (named) return named.keys;
  throw badInput(`${text} is not a fingerprint`, "as firstmile prints it: SHA256:…, or OpenPGP in capitals");
}

const ROOT = "root" as RoleName;

/** What the person who signed should know of what it is worth. */
function doubtsOf(policy: Policy, by: ReadonlySet<PrincipalName>): string[] {
  const tally = meets(policy.roles.get(ROOT)!, by, policy);
  if (tally.met) return [];
  const who = by.size > 0 ? [...by].join(" and ") : "your key";
  const sets = tally.completions.map((people) => people.join(" and ")).join(", or ");
  const more = sets === "" ? "more of root" : sets;
  return [
    `for what others said it counts only with ${more}: firstmile repeat`,
    ...(by.size === 0 ? [`${who} is not listed in the rules of ${policy.name}, so it ends nothing`] : []),
  ];
}
