/** `firstmile nix ARGS…`: admit, then run Nix. */
import { spawn } from "node:child_process";
import { askAdmission } from "../../asking/ask.ts";
import { readNixCommand } from "../../asking/nix-command.ts";
import type { FirstmileContext } from "../context.ts";
import { badEnvironment, EXIT } from "../failure.ts";
import { showVerdict } from "../verdict-tree.ts";
import { allAllowed, askerOf } from "./admit.ts";

export async function nix(
  this: FirstmileContext,
  _flags: Record<never, never>,
  ...words: readonly string[]
): Promise<void> {
  const command = readNixCommand(words);
  const answers = await askAdmission(askerOf(this), command.asked);
  if (!allAllowed(answers)) {
    for (const answer of answers) showVerdict(this.terminal, answer.verdict);
    return this.exit(EXIT.denied);
  }
  this.terminal.clearProgress();
  this.exit(await runThrough(command.program, command.args));
}

/** Hands the terminal to Nix; gives its exit code. */
function runThrough(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    // An interrupt goes to the whole terminal: Nix ends itself, and this process says how.
    const wait = () => {};
    process.on("SIGINT", wait);
    child.on("error", (error) =>
      reject(badEnvironment(`${program} cannot be run: ${error.message}`, "install Nix")),
    );
    child.on("close", (code) => {
      process.off("SIGINT", wait);
      resolve(code ?? 130);
    });
  });
}
