/** The machine's Nix for commands that show an evaluation to a person and admit nothing. */
import { type NixTools, nixTools } from "../admission/nix-tools.ts";
import { UNSEALED_MEANS, unsealed } from "../sealing/unsealed.ts";
import type { FirstmileContext } from "./context.ts";
import { wrap } from "./terminal.ts";

/** Says what `--unsealed` means before anything is evaluated so. Throws `NixError`. */
export async function nixToLook(
  { env, terminal }: Pick<FirstmileContext, "env" | "terminal">,
  flags: { readonly unsealed?: boolean },
): Promise<NixTools> {
  const nix = await nixTools(env);
  if (!flags.unsealed) return nix;
  terminal.say(wrap(UNSEALED_MEANS, terminal.width, ""));
  return unsealed(nix);
}
