import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, word } from "../flags.ts";

export interface DistrustFlags {
  readonly because: string;
  readonly anywhere: boolean;
  readonly to?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const distrustCommand = buildCommand<DistrustFlags, [subject: string], FirstmileContext>({
  loader: async () => (await import("./distrust.ts")).distrust,
  parameters: {
    flags: {
      because: {
        kind: "parsed",
        parse: String,
        placeholder: "TEXT",
        brief: "Why, for whoever is stopped by it",
      },
      anywhere: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "A file's content wherever it lies, not at its path alone",
      },
      to: optionalText("DIR", "The checkout of your trust repository, or another directory"),
      policy: optionalText("DIR", "Whose rules name the people (default: this machine's, or those of --to)"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        word(
          "SUBJECT",
          "A file or commit of a checkout, a path in the store, sha256:HEX, a key's fingerprint, or somebody's name",
        ),
      ],
    },
  },
  docs: {
    brief: "Speak against a content, a build, a key or a person: it always wins",
    fullDescription:
      "Signs, with your own Git signing key, that nothing may rest on this. Of whoever is in the role warden one word is\n" +
      "enough, over every review, signature, waiver and builder. A commit stands for the contents that it brings in, a\n" +
      "person for all keys that the policy lists. It has no end. See with firstmile audit what it touches.",
  },
});
