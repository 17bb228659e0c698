import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText } from "../flags.ts";

export interface WhyFlags {
  readonly last: boolean;
  readonly repository?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const whyCommand = buildCommand<WhyFlags, [subject?: string], FirstmileContext>({
  loader: async () => (await import("./why.ts")).why,
  parameters: {
    flags: {
      last: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "The last refusal, whatever it was about",
      },
      repository: optionalText("REPO", "Where a commit is to be found (default: the current directory)"),
      policy: optionalText("DIR", "Of a file or commit: judge by the rules in this directory"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "SUBJECT",
          optional: true,
          brief: "A store path, a .drv, a file of a source, or a commit",
        },
      ],
    },
  },
  docs: { brief: "Explain why something is allowed or denied, and what would change that" },
});
