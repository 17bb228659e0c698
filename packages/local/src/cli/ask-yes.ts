/** One question that is answered yes or no, by a flag or by the person at the terminal. */
import { isAtTerminal } from "./at-terminal.ts";
import type { FirstmileContext } from "./context.ts";
import { badInput } from "./failure.ts";

/** Throws `Failure` where nobody can be asked. */
export async function askYes(context: FirstmileContext, message: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!isAtTerminal()) throw badInput("nobody can be asked here", "say --yes");
  context.terminal.clearProgress();
  const { confirm } = await import("@clack/prompts");
  // Enter by mistake must not sign, and a cancelled question is no yes.
  return (await confirm({ message, initialValue: false })) === true;
}
