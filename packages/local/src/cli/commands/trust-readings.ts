/** `firstmile trust readings FINGERPRINT`: root's list of what a key signed, for its retirement. */
import { renderReadings } from "@firstmile/trust/policy/readings";
import { readingsOf } from "../../trust-repository/held-readings.ts";
import { activeKeys } from "../../trust-repository/retired-keys.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { wordsAtHand } from "../words-at-hand.ts";
import type { ReadingsFlags } from "./trust.command.ts";

export async function readings(this: FirstmileContext, flags: ReadingsFlags, key: string): Promise<void> {
  const { rules, places } = await wordsAtHand(this, flags.policy, undefined);
  if (!rules) throw badInput("no rules were found that could list the key", "name rules with --policy DIR");
  if (!activeKeys(rules.policy).has(key))
    throw badInput(
      `the rules of ${rules.policy.name} do not list ${key} as a key in use`,
      "run it before the key is retired, with the fingerprint as firstmile trust graph prints it",
    );
  const said = await readingsOf(rules.policy, places, new Set([key]), this.now);
  const text = renderReadings(said.get(key) ?? []);
  if (text === "") this.terminal.say(`no review at hand is signed by ${key}: the list is empty`);
  else this.terminal.print(text.trimEnd());
}
