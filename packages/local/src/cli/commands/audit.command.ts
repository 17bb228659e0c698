import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag } from "../flags.ts";

export interface AuditFlags {
  readonly paths: boolean;
  readonly all: boolean;
  readonly json: boolean;
}

export const auditCommand = buildCommand<AuditFlags, [], FirstmileContext>({
  loader: async () => (await import("./audit.ts")).audit,
  parameters: {
    flags: {
      paths: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the touched outputs in the store, and what refers to them, and nothing else",
      },
      all: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "List every path, not the first few",
      },
      json: jsonFlag,
    },
  },
  docs: {
    brief: "Decide again on all that was admitted, and find in the store what does not hold any more",
    fullDescription:
      "Has the gate decide on everything that it admitted under the rules of today, and looks in the store for what a\n" +
      "distrust, a key that no longer counts, a waiver that is over or another rule touches, with all that refers to it.\n" +
      "Nix asks nobody about what it has already: what is named here stays in use until it is deleted or replaced.\n" +
      "Exit codes: 0 everything holds, 1 something does not; 2 and 3 as everywhere.",
  },
});
