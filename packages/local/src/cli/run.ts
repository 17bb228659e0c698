import { run } from "@stricli/core";
import { stateDirectory } from "../state/directory.ts";
import { PROGRAM_VERSION } from "../state/version.ts";
import { application } from "./application.ts";
import type { FirstmileContext } from "./context.ts";
import { EXIT } from "./failure.ts";
import { Terminal } from "./terminal.ts";

/** Runs one command line in this process and sets its exit code. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  // A reader that has seen enough, as in `firstmile verify … | head`, is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) =>
    process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.environment),
  );
  const terminal = new Terminal(process.stdout, process.stderr, process.env);
  const context: FirstmileContext = {
    process,
    terminal,
    env: process.env,
    cwd: process.cwd(),
    stateDir: stateDirectory(process.env),
    now: Math.floor(Date.now() / 1000),
    exit: (code) => {
      process.exitCode = code;
    },
  };
  await run(application(PROGRAM_VERSION, terminal), withNixArguments(args), context);
  // The library's own codes are negative: an unknown command, or flags that do not fit.
  if (typeof process.exitCode === "number" && process.exitCode < 0) process.exitCode = EXIT.input;
}

/** What follows `firstmile nix` is Nix's own, whatever it looks like. */
function withNixArguments([command, ...rest]: readonly string[]): string[] {
  if (command === undefined) return [];
  const own = command !== "nix" || rest.length === 0 || rest[0] === "--help" || rest[0] === "-h";
  return own ? [command, ...rest] : [command, "--", ...rest];
}
