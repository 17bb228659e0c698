/** What somebody says of a change that they have read. */
import { isCancel, select, text } from "@clack/prompts";
import type { ReviewVerdict } from "@firstmile/formats/statement/review";
import type { ReviewFlags } from "./review.command.ts";
import type { Interruption } from "./review-interruption.ts";

export interface Answer {
  readonly verdict: ReviewVerdict;
  readonly note: string | undefined;
}

/** Undefined: nothing. Throws `Interrupted`. */
export async function askVerdict(
  flags: ReviewFlags,
  interruption: Interruption,
): Promise<Answer | undefined> {
  const { signal } = interruption;
  const how = flags.machine ? "a machine" : "I";
  const depth = flags.skimmed ? "looked it over" : "read every line";
  const approve = { value: "approve", label: "approve", hint: `${how} ${depth}, and it is good` } as const;
  const reject = { value: "reject", label: "reject", hint: "it must not come in as it is" } as const;
  const nothing = { value: "nothing", label: "nothing", hint: "sign nothing" } as const;
  const verdict = await select({
    message: "What do you say of it?",
    options: flags.reject ? [reject, nothing] : [approve, reject, nothing],
    // Enter by mistake must not sign.
    initialValue: nothing.value as "approve" | "reject" | "nothing",
    showInstructions: false,
    signal,
  });
  if (isCancel(verdict)) interruption.raise();
  if (verdict === "nothing") return undefined;
  if (verdict === "approve" || flags.note !== undefined) return { verdict, note: flags.note };
  const why = await text({ message: "Why? Its author reads it (empty: no word)", signal });
  if (isCancel(why)) interruption.raise();
  return { verdict, note: why?.trim() || undefined };
}
