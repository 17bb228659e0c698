import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, word } from "../flags.ts";

export interface InitFlags {
  readonly name?: string;
  readonly principal?: readonly string[];
  readonly root?: string;
  readonly expires?: string;
  readonly json: boolean;
}

export const initCommand = buildCommand<InitFlags, [dir: string], FirstmileContext>({
  loader: async () => (await import("./init.ts")).init,
  parameters: {
    flags: {
      name: optionalText("NAME", "What the repository is called"),
      principal: repeatedText("NAME=KEYFILE", "A person and a file with their public key; repeat for more"),
      root: optionalText("N", "How many of them change the rules together (default: a majority)"),
      expires: optionalText("DATE", "When the rules run out, as 2027-06-01 (default: in a year)"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [word("DIR", "A new or empty directory")] },
  },
  docs: {
    brief: "Make a trust repository and print the introduction to pin",
    fullDescription:
      "Writes firstmile.toml and keys/, commits them signed with your own Git signing set-up, and prints the line\nwith which a machine pins it. Asks for what no flag gives, on a terminal.",
  },
});
