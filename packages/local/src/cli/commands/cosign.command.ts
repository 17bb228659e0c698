import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, word } from "../flags.ts";

export interface CosignFlags {
  readonly statement: boolean;
  readonly bindTree: boolean;
  readonly json: boolean;
}

export const cosignCommand = buildCommand<
  CosignFlags,
  [repository: string, revision: string],
  FirstmileContext
>({
  loader: async () => (await import("./cosign.ts")).cosignCommit,
  parameters: {
    flags: {
      statement: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Sign a statement below refs/firstmile/statements, and no note",
      },
      bindTree: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief:
          "A statement that also names the files by SHA-256: it counts only where the tree has that content",
      },
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [word("REPO", "A Git repository"), word("REV", "The commit to sign besides its author")],
    },
  },
  docs: {
    brief: "Sign a commit besides its author, with your own key",
    fullDescription:
      "Adds your signature over the commit to its note below refs/notes/signatures, or with --statement or --bind-tree\n" +
      "to the statements below refs/firstmile/statements. Push that ref with it. A signed tag (git tag -s) counts too.",
  },
});
