/** The programs of this machine, run with the caller's environment. */
import { run } from "../process/run.ts";
import type { Commands } from "./gather-nix.ts";

/** Two minutes for each; `env` adds to or overrides the caller's variables. */
export function machineCommands(caller: { readonly env: NodeJS.ProcessEnv; readonly cwd: string }): Commands {
  return async (command, args, env = {}) => {
    const options = { env: { ...caller.env, ...env }, cwd: caller.cwd, timeoutMs: 120_000 };
    const { code, stdout, stderr } = await run(command, args, options);
    return { code, stdout: stdout.toString(), stderr };
  };
}
