import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText } from "../flags.ts";

export interface CoverageFlags {
  readonly attr?: readonly string[];
  readonly file?: string;
  readonly admitted: boolean;
  readonly policy?: string;
  readonly svg?: string;
  readonly json: boolean;
}

export const coverageCommand = buildCommand<
  CoverageFlags,
  [source?: string, revision?: string],
  FirstmileContext
>({
  loader: async () => (await import("./coverage.ts")).coverage,
  parameters: {
    flags: {
      attr: repeatedText("ATTR", "An attribute; repeat for more (default: the file's whole value)"),
      file: optionalText("FILE", "The file that is evaluated (default: default.nix)"),
      admitted: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "All that this machine's gate has admitted (default where nothing is named)",
      },
      policy: optionalText(
        "DIR",
        "Judge by the rules in this directory (default: this machine's trust repository)",
      ),
      svg: optionalText("FILE", "Draw into this file how it came to this, and what ends when"),
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "SOURCE|FLAKE#ATTR",
          optional: true,
          brief: "A source of the policy, a checkout or a URL; or a flake, for its inputs",
        },
        {
          parse: String,
          placeholder: "REV",
          optional: true,
          brief: "A revision of it (default: its newest)",
        },
      ],
    },
  },
  docs: {
    brief: "How much of what is used has been read, by what rule, and what is waived until when",
    fullDescription:
      "Counts the files and lines that evaluations read: covered by reviews, by channels or by rule, waived for now, and\n" +
      "open. What is waived is counted apart, with its ends. --svg draws the share of each over time: what the trust\n" +
      "repository's history says of before, and of what is to come the ends of the waivers that there are.\n" +
      "Exit codes: 0 everything is let through, 1 something is not; 2 and 3 as everywhere.",
    customUsage: ["SOURCE [REV] -A ATTR…", "FLAKE#ATTR", "[--admitted]"],
  },
});
