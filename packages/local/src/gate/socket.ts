import { join } from "node:path";

/** The gate's Unix socket in a state directory. */
export function gateSocket(stateDir: string): string {
  return join(stateDir, "gate", "gate.sock");
}

/** A second one, in a directory of mode 0700: whoever can reach it is root, or the user whose gate this is. */
export function rootSocket(stateDir: string): string {
  return join(stateDir, "gate", "root", "gate.sock");
}
