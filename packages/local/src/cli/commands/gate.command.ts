import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";

export interface GateFlags {
  readonly port?: number;
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
        brief: "TCP port on loopback (default: the one of last time, at first 17339; 0: any)",
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
      "Listens on loopback and on a Unix socket in the state directory until it gets SIGTERM or SIGINT.",
  },
});

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new SyntaxError(`${text} is no port`);
  return port;
}
