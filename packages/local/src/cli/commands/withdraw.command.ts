import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText } from "../flags.ts";

export interface WithdrawFlags {
  readonly key?: readonly string[];
  readonly because: string;
  readonly to?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const withdrawCommand = buildCommand<WithdrawFlags, string[], FirstmileContext>({
  loader: async () => (await import("./withdraw.ts")).withdraw,
  parameters: {
    flags: {
      key: repeatedText("FINGERPRINT", "Every word in doubt by this key; repeat for several"),
      because: { kind: "parsed", parse: String, placeholder: "TEXT", brief: "Why it may end" },
      to: optionalText("DIR", "The checkout of your trust repository, or another directory"),
      policy: optionalText("DIR", "Whose rules name the people (default: this machine's, or those of --to)"),
      json: jsonFlag,
    },
    positional: {
      kind: "array",
      minimum: 0,
      parameter: {
        parse: String,
        placeholder: "WORD",
        brief: "The statement of a distrust or rejection, by 8 or more digits of its SHA-256",
      },
    },
  },
  docs: {
    customUsage: ["3f2a9c41 --because TEXT", "--key FINGERPRINT --because TEXT"],
    brief: "End a distrust or a rejection: your own, or as root any",
    fullDescription:
      "Signs, with your own Git signing key, that a word against something ends. It counts for what you said yourself,\n" +
      "if your key counts today. It counts for what others said if as many people of root sign it as the role asks for:\n" +
      "the others repeat it with firstmile repeat. Nothing else ends a distrust or a rejection; firstmile trust update,\n" +
      "check and audit list those that are in doubt.",
  },
});
