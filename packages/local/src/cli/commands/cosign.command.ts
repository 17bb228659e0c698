import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, word } from "../flags.ts";

export interface CosignFlags {
  readonly json: boolean;
}

export const cosignCommand = buildCommand<
  CosignFlags,
  [repository: string, revision: string],
  FirstmileContext
>({
  loader: async () => (await import("./cosign.ts")).cosignCommit,
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [word("REPO", "A Git repository"), word("REV", "The commit to sign besides its author")],
    },
  },
  docs: {
    brief: "Sign a commit besides its author, with your own key",
    fullDescription:
      "Adds your signature over the commit to its note below refs/notes/signatures. Push that ref with it.",
  },
});
