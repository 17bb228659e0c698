import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText } from "../flags.ts";

export interface WaiveFlags {
  readonly until: string;
  readonly because: string;
  readonly paths?: readonly string[];
  readonly source?: string;
  readonly anywhere: boolean;
  readonly to?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const waiveCommand = buildCommand<WaiveFlags, [subject?: string], FirstmileContext>({
  loader: async () => (await import("./waive.ts")).waive,
  parameters: {
    flags: {
      until: {
        kind: "parsed",
        parse: String,
        placeholder: "DATE|SPAN",
        brief: "From when on it counts no more: 2027-06-01, or 30d from now; within a year",
      },
      because: {
        kind: "parsed",
        parse: String,
        placeholder: "TEXT",
        brief: "Why, for whoever is told of it",
      },
      paths: repeatedText("GLOB", "Paths of --source, whatever content they have; repeat for more"),
      source: optionalText("NAME", "For this source of a policy alone (default: for any)"),
      anywhere: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "The file's content wherever it lies, not at its path alone",
      },
      to: optionalText("DIR", "The checkout of your trust repository, or another directory"),
      policy: optionalText("DIR", "Say what it counts for by the rules in this directory"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "SUBJECT",
          optional: true,
          brief: "A file of a checkout, a derivation or output in the store, or sha256:HEX",
        },
      ],
    },
  },
  docs: {
    brief: "Accept something for a while that nobody vouches for",
    fullDescription:
      "Signs, with your own Git signing key, that you accept a content, paths of a source, a derivation or an output\n" +
      'until a day. Rules say whose waivers count (waive = "role"); every verdict that used one says so, and a distrust\n' +
      "or a rejection outweighs it. Without --to the statement is kept below refs/firstmile/statements of the checkout.",
    customUsage: [
      "SUBJECT --until DATE --because TEXT",
      "--paths GLOB --source NAME --until DATE --because TEXT",
    ],
  },
});
