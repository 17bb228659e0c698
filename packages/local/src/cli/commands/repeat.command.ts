import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText } from "../flags.ts";

export interface RepeatFlags {
  readonly to?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const repeatCommand = buildCommand<RepeatFlags, [word: string], FirstmileContext>({
  loader: async () => (await import("./repeat.ts")).repeat,
  parameters: {
    flags: {
      to: optionalText("DIR", "The checkout of your trust repository, or another directory"),
      policy: optionalText("DIR", "Whose rules name the people (default: this machine's, or those of --to)"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, placeholder: "WORD", brief: "A statement, by 8 or more digits of its SHA-256" },
      ],
    },
  },
  docs: {
    brief: "Sign another person's distrust, rejection or withdrawal as well",
    fullDescription:
      "Signs the same statement with your own Git signing key. One wants it for a word that is in doubt, since its\n" +
      "signer's key was lost or the signer left, and for a withdrawal that needs more people of root.",
  },
});
