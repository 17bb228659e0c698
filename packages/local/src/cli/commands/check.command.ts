import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, unsealedFlag, word } from "../flags.ts";

export interface CheckFlags {
  readonly attr?: readonly string[];
  readonly file?: string;
  readonly repository?: string;
  readonly source?: string;
  readonly policy?: string;
  readonly markdown?: string;
  readonly sarif?: string;
  readonly unsealed: boolean;
  readonly json: boolean;
}

export const checkCommand = buildCommand<CheckFlags, string[], FirstmileContext>({
  loader: async () => (await import("./check.ts")).check,
  parameters: {
    flags: {
      attr: repeatedText("ATTR", "An attribute whose slice and closure are compared; repeat for more"),
      file: optionalText("FILE", "The file that has the attributes (default: default.nix)"),
      repository: optionalText("REPO", "Where the commits are (default: the current directory)"),
      source: optionalText("NAME", "Which source of the policy it is (default: by its introduction)"),
      policy: optionalText(
        "DIR",
        "Judge by the rules in this directory (default: this machine's trust repository)",
      ),
      markdown: optionalText("FILE", "Write the report as Markdown, for a comment; - is stdout"),
      sarif: optionalText("FILE", "Write the findings as SARIF 2.1.0; - is stdout"),
      unsealed: unsealedFlag,
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: word(
        "BASE..HEAD|.#ATTR",
        "What is to be merged, and onto what; then attributes of flakes in it",
      ),
    },
  },
  docs: {
    customUsage: ["origin/main..HEAD -A hello", "origin/main..HEAD .#hello"],
    brief: "Before it is merged: what a change leaves open, and who must read what",
    fullDescription:
      "Says what the rules would refuse after the merge, by file and line; what was open before is not held against\n" +
      "the change. With -A also what it does to slices, closures and coverage; with .#ATTR what it does to those of a\n" +
      "flake's inputs. examples/ has workflows for forges and a pre-push hook.\n" +
      "In a checkout of a trust repository it says which words against something the change of the rules leaves in\n" +
      "doubt: they stay in force until root lets them end.\n" +
      "Exit codes: 0 nothing is open, 1 something is; 2 and 3 as everywhere.",
  },
});
