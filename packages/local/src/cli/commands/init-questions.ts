/** The questions of `firstmile init`, asked where flags do not answer them and somebody sits at the terminal. */
import { isCancel, text } from "@clack/prompts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import type { InitFlags } from "./init.command.ts";

/** Flags with the answers filled in. Throws `Failure` without a terminal, or where the person cancels. */
export async function ask(
  context: FirstmileContext,
  flags: InitFlags,
  fallbackName: string,
): Promise<InitFlags> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw badInput(
      "nobody is named who may change the rules",
      "add --principal NAME=KEYFILE for each person, or run this on a terminal",
    );
  }
  context.terminal.clearProgress();
  const name = flags.name ?? (await answer("What is the trust repository called?", fallbackName));
  const principal: string[] = [];
  for (;;) {
    const next = await answer(
      `Person ${principal.length + 1} as NAME=KEYFILE${principal.length > 0 ? " (empty: no more)" : ""}`,
      "",
    );
    if (next === "" && principal.length > 0) break;
    if (/^[^=]+=.+$/.test(next)) principal.push(next);
  }
  const root =
    flags.root ??
    (await answer(
      "How many of them change the rules together?",
      String(Math.floor(principal.length / 2) + 1),
    ));
  return { ...flags, name, principal, root };
}

async function answer(message: string, fallback: string): Promise<string> {
  const given = await text({
    message,
    defaultValue: fallback,
    ...(fallback ? { placeholder: fallback } : {}),
  });
  if (isCancel(given)) throw new Failure(EXIT.input, "cancelled; nothing was made");
  return (given ?? "").trim();
}
