import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, unsealedFlag, word } from "../flags.ts";

export interface SliceFlags {
  readonly attr?: readonly string[];
  readonly file?: string;
  readonly diff?: string;
  readonly policy?: string;
  readonly all: boolean;
  readonly unsealed: boolean;
  readonly json: boolean;
}

export const sliceCommand = buildCommand<SliceFlags, [source: string, revision?: string], FirstmileContext>({
  loader: async () => (await import("./slice.ts")).slice,
  parameters: {
    flags: {
      attr: repeatedText("ATTR", "An attribute; repeat for more (default: the file's whole value)"),
      file: optionalText("FILE", "The file that is evaluated (default: default.nix)"),
      diff: optionalText("REV2", "What differs for these attributes at another revision"),
      policy: optionalText(
        "DIR",
        "Judge by the rules in this directory (default: this machine's trust repository)",
      ),
      all: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "List every file, not only those that are not covered",
      },
      unsealed: unsealedFlag,
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "tuple",
      parameters: [
        word("SOURCE|FLAKE#ATTR", "A source of the policy, a checkout or a URL; or a flake, for its inputs"),
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
    brief: "What trust in an attribute rests on: files, downloads, and who covers them",
    fullDescription:
      "Evaluates the attribute through a view of the tree at that revision, and lists what was read. Nothing is\n" +
      "admitted by it: firstmile admit does that, and shows the evaluation covered files alone.",
  },
});
