import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";

export const nixCommand = buildCommand<Record<never, never>, readonly string[], FirstmileContext>({
  loader: async () => (await import("./nix.ts")).nix,
  parameters: {
    flags: {},
    positional: {
      kind: "array",
      parameter: {
        parse: String,
        placeholder: "ARGS",
        brief: "nix-build …, nix-shell …, build …, run …, develop …, shell …",
      },
    },
  },
  docs: {
    brief: "Admit what a Nix command asks for, then run it with the same arguments",
    customUsage: ["nix-build -A hello", "build .#hello", "develop"],
  },
});
