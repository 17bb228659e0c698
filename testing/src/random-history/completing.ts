/** The readings that a history still lacks: all of them where it is to be honest, most of them elsewhere. */
import type { Dice } from "./dice.ts";
import { PEOPLE, type Person, type RandomHistory, type Review } from "./history.ts";
import { strays } from "./offences.ts";
import { Provenance } from "./provenance.ts";
import { stepsByPath, unreadSteps } from "./reading.ts";
import { asksForReading, ruleOf } from "./rules.ts";

export function complete(dice: Dice, history: RandomHistory): RandomHistory {
  if (!asksForReading(history.rules) || strays(history)) return history;
  const { own } = Provenance.of(history.commits, history.introduction);
  const share = history.honest ? 1 : dice.pick([0, 0.5, 0.9]);
  const unread = unreadSteps(history, own).filter(({ kind }) => kind === "unread");
  const steps = stepsByPath(history, own);
  const added: Review[] = [];
  for (const { path, commit } of unread) {
    if (!dice.chance(share)) continue;
    const step = steps.get(path!)!.find((one) => one.commit === commit)!;
    const { any, of } = ruleOf(history.rules, path!).review!;
    const free = dice.shuffled(of).filter((name: Person) => !step.part.has(name));
    const readers = free.length >= any ? free.slice(0, any) : dice.shuffled(PEOPLE).slice(0, any);
    for (const by of readers)
      added.push({ by, verdict: "approve", path: path!, before: step.before, after: step.after });
  }
  return { ...history, reviews: [...history.reviews, ...added] };
}
