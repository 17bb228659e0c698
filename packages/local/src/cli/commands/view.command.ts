import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText } from "../flags.ts";

export interface ViewFlags {
  readonly at?: string;
  readonly enforce: boolean;
  readonly record?: string;
  readonly policy?: string;
  readonly json: boolean;
}

export const viewCommand = buildCommand<ViewFlags, readonly string[], FirstmileContext>({
  loader: async () => (await import("./view.ts")).view,
  parameters: {
    flags: {
      at: optionalText("DIR", "Show it in place of this directory (default: in one of its own)"),
      enforce: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Open only files that the rules of the source cover; others are denied",
      },
      record: optionalText("FILE", "Write down as JSON what was opened, and by whom"),
      policy: optionalText(
        "DIR",
        "Judge by the rules in this directory (default: this machine's trust repository)",
      ),
      json: { ...jsonFlag, brief: "Print the record as JSON on stderr, when the command has ended" },
    },
    positional: {
      kind: "array",
      parameter: {
        parse: String,
        placeholder: "SOURCE|REPO REV -- COMMAND",
        brief: "What to view, and what for",
      },
    },
  },
  docs: {
    brief: "Run a command over a tree served from Git objects, and tell what it opened",
    customUsage: [
      "nixpkgs 24.11 -- nix-instantiate -A hello",
      "--enforce --at . . HEAD -- nix-build -A hello",
    ],
    fullDescription:
      "Runs COMMAND over the tree of SOURCE at REV, read-only, served from Git objects that are hashed on the way;\n" +
      "no checkout is looked at. Where rules are known, the commit is authenticated first. The exit code is the\n" +
      "command's; 1 where nothing was run because it was denied, or where it opened what was denied.",
  },
});
