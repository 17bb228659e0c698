/** What a person is asked before an author's key counts for the first time, and before anything is signed. */
import { isCancel, select } from "@clack/prompts";
import type { Interruption } from "./review-interruption.ts";

/** Throws `Interrupted`. Enter by mistake must not take a stranger for the author. */
export async function askIsAuthor(name: string, interruption: Interruption): Promise<boolean> {
  return ask(
    `Is this the key of ${name}? Compare it with what the project publishes in another place`,
    { label: "yes", hint: "I have compared the fingerprint" },
    interruption,
  );
}

/** Throws `Interrupted`. */
export async function askSign(count: number, interruption: Interruption): Promise<boolean> {
  const what = count === 1 ? "this source" : `these ${count} sources`;
  return ask(`Vouch for ${what}?`, { label: "sign", hint: "with your Git signing key" }, interruption);
}

async function ask(
  message: string,
  yes: { readonly label: string; readonly hint: string },
  interruption: Interruption,
): Promise<boolean> {
  const answer = await select({
    message,
    options: [
      { value: true, ...yes },
      { value: false, label: "no", hint: "sign nothing" },
    ],
    initialValue: false,
    showInstructions: false,
    signal: interruption.signal,
  });
  if (isCancel(answer)) interruption.raise();
  return answer === true;
}
