import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText } from "../flags.ts";

export interface NixConfFlags {
  readonly nixVersion?: string;
  readonly json: boolean;
}

export const nixConfCommand = buildCommand<NixConfFlags, [], FirstmileContext>({
  loader: async () => (await import("./nix-conf.ts")).nixConf,
  parameters: {
    flags: {
      nixVersion: optionalText("VERSION", "Print for this version of Nix, as 2.34 (default: this machine's)"),
      json: jsonFlag,
    },
  },
  docs: {
    brief: "Print the lines of nix.conf that make Nix ask the gate, and close the ways round it",
    fullDescription:
      "Prints lines for the end of nix.conf, each with its reason. The gate must have started once, since hook,\n" +
      "address and key are its own. Afterwards: systemctl restart nix-daemon, and firstmile doctor.",
  },
});
