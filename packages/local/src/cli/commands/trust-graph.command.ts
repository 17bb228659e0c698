import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText } from "../flags.ts";

export interface GraphFlags {
  readonly svg?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const graphCommand = buildCommand<GraphFlags, [part?: string], FirstmileContext>({
  loader: async () => (await import("./trust-graph.ts")).graph,
  parameters: {
    flags: {
      svg: optionalText("FILE", "Draw it into this file"),
      policy: optionalText("DIR", "Rules in a directory, instead of those that this machine follows"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "SOURCE[:PATH]",
          optional: true,
          brief: "A source, or the one rule of it that holds for a path (default: all rules)",
        },
      ],
    },
  },
  docs: {
    brief: "Show who may do what through whom",
    fullDescription:
      "Shows the ways from what is protected to the keys that count: sources, rules by path, roles and groups with their\n" +
      "thresholds, imported and certified roles, people, and which of their keys are retired, compromised or expired.",
  },
});
