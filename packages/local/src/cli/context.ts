/** What commands run in: the composition root's effects, so that tests run them without a process of their own. */
import type { CommandContext } from "@stricli/core";
import type { Terminal } from "./terminal.ts";

export interface FirstmileContext extends CommandContext {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** This user's or, for root, this machine's state directory. */
  readonly stateDir: string;
  /** Unix seconds when the command began; fixed once, so that one run has one time. */
  readonly now: number;
  /** Sets the exit code and goes on. */
  exit(code: number): void;
}
