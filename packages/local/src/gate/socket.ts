import { join } from "node:path";

/** The gate's Unix socket in a state directory. */
export function gateSocket(stateDir: string): string {
  return join(stateDir, "gate", "gate.sock");
}
