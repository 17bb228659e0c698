import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText } from "../flags.ts";

export interface AdmitFlags {
  readonly file?: string;
  readonly attr?: readonly string[];
  readonly json: boolean;
}

export const admitCommand = buildCommand<AdmitFlags, readonly string[], FirstmileContext>({
  loader: async () => (await import("./admit.ts")).admit,
  parameters: {
    flags: {
      file: optionalText("FILE", "A Nix file in a Git checkout"),
      attr: repeatedText("ATTR", "An attribute of FILE; repeat for more (default: the whole value)"),
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "array",
      parameter: { parse: String, placeholder: "FLAKEREF#ATTR", brief: "Flakes whose attributes to admit" },
    },
  },
  docs: {
    brief: "Authenticate sources, evaluate them offline, and let Nix build what they give",
    customUsage: ["-f FILE -A ATTR…", "FLAKEREF#ATTR…"],
  },
});
