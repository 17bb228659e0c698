import { lstatSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";

/** State of the machine itself, which root writes and everybody may read. */
export const MACHINE_STATE = "/var/lib/firstmile";

/**
 * Where this machine's trust repository, keys and records are: FIRSTMILE_STATE, or for root `MACHINE_STATE`, or
 * for anybody else $XDG_STATE_HOME/firstmile.
 */
export function stateDirectory(env: NodeJS.ProcessEnv): string {
  if (env.FIRSTMILE_STATE) return env.FIRSTMILE_STATE;
  if (userInfo().uid === 0) return MACHINE_STATE;
  return join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "firstmile");
}

/**
 * The state directory whose trust repository holds: this user's own, or else the machine's. One that FIRSTMILE_STATE names
 * is meant: where nothing is pinned there, nothing is followed.
 */
export function trustedStateDirectory(where: {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
}): string {
  const { stateDir, env } = where;
  const has = (dir: string) =>
    lstatSync(join(dir, "trust", "pin.json"), { throwIfNoEntry: false }) !== undefined;
  return !env.FIRSTMILE_STATE && !has(stateDir) && has(MACHINE_STATE) ? MACHINE_STATE : stateDir;
}
