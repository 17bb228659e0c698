import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";

export interface VerifyFlags {
  readonly policy?: string;
  readonly source?: string;
  readonly json: boolean;
  readonly cache: boolean;
}

export const verifyCommand = buildCommand<VerifyFlags, [named: string, revision?: string], FirstmileContext>({
  loader: async () => (await import("./verify.ts")).verify,
  parameters: {
    flags: {
      policy: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "DIR",
        brief:
          "Rules to judge by: a directory with firstmile.toml (default: this machine's trust repository)",
      },
      source: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "NAME",
        brief: "Which source of the policy this repository is (default: the one whose introduction it has)",
      },
      json: { kind: "boolean", default: false, withNegated: false, brief: "Print the verdict as JSON" },
      cache: {
        kind: "boolean",
        default: true,
        brief: "Skip commits authenticated before under the same rules",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "REPO",
          brief: "A Git repository of expressions: a path, a URL, or SOURCE[@REV], a source of the policy",
        },
        { parse: String, placeholder: "REV", optional: true, brief: "A revision in it (default: HEAD)" },
      ],
    },
  },
  docs: {
    brief: "Authenticate a source's history from its introduction",
    fullDescription:
      "Authenticates the history of a source from its introduction to REV by the source's rules, and prints every\n" +
      "commit that breaks them, with its reason and what would help. What is named by URL or as a source is fetched\n" +
      "first, from all mirrors of the source, and only its commits where the rules need no more.",
  },
});
