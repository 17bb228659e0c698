import { buildCommand } from "@stricli/core";
import type { Trust } from "../../gate/place.ts";
import type { FirstmileContext } from "../context.ts";

export interface GateFlags {
  readonly port?: number;
  readonly trust?: Trust;
  readonly json: boolean;
}

export const gateCommand = buildCommand<GateFlags, [], FirstmileContext>({
  loader: async () => (await import("./gate.ts")).gate,
  parameters: {
    flags: {
      port: {
        kind: "parsed",
        parse: portNumber,
        optional: true,
        placeholder: "PORT",
        brief:
          "TCP port on 127.0.0.1 (default: that of last time, at first 339 for root, else 17339; 0: any)",
      },
      trust: {
        kind: "enum",
        values: ["place", "key"],
        optional: true,
        placeholder: "HOW",
        brief: "What makes Nix believe the gate: a port that only root can use (root's default), or its key",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print where the gate listens as JSON",
      },
    },
  },
  docs: {
    brief: "Run the local daemon: substituter, admission, and the hook's answer",
    fullDescription:
      "Listens on 127.0.0.1 and on a Unix socket in the state directory until it gets SIGTERM or SIGINT.\n" +
      "Root's gate takes a port that no other user can listen on, or a socket that systemd hands over, and Nix\n" +
      "believes it by that. A key has a limit: users can keep what it signed, and bring it in after a distrust.",
  },
});

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new SyntaxError(`${text} is no port`);
  return port;
}
