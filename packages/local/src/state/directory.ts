import { homedir, userInfo } from "node:os";
import { join } from "node:path";

/**
 * Where this machine's trust repository, keys and records are: FIRSTMILE_STATE, or for root /var/lib/firstmile, or
 * for anybody else $XDG_STATE_HOME/firstmile.
 */
export function stateDirectory(env: NodeJS.ProcessEnv): string {
  if (env.FIRSTMILE_STATE) return env.FIRSTMILE_STATE;
  if (userInfo().uid === 0) return "/var/lib/firstmile";
  return join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "firstmile");
}
