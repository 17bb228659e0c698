import { join } from "node:path";

/** The gate's Unix socket in a state directory. */
export function gateSocket(stateDir: string): string {
  return join(stateDir, "gate", "gate.sock");
}

/** A second one, in a directory of mode 0700: only root reaches it, or the user whose own gate this is. */
export function rootSocket(stateDir: string): string {
  return join(stateDir, "gate", "root", "gate.sock");
}
