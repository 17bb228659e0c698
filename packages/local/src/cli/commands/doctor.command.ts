import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag } from "../flags.ts";

export interface DoctorFlags {
  readonly try: boolean;
  readonly json: boolean;
}

export const doctorCommand = buildCommand<DoctorFlags, [], FirstmileContext>({
  loader: async () => (await import("./doctor.ts")).doctor,
  parameters: {
    flags: {
      try: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Also have Nix build something that nobody admitted, to see it refused",
      },
      json: jsonFlag,
    },
  },
  docs: {
    brief: "Say which ways round the gate are closed on this machine, and which are open",
    fullDescription:
      "Reads Nix's effective configuration (the daemon's, where there is one, and this user's) and says of each\n" +
      "way round the gate whether it is closed, with the line that closes it.\n" +
      "Exit codes: 0 nothing is open, 1 something is, 3 Nix is not there.",
  },
});
