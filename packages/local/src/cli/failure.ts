/**
 * Ends of a command that are no verdict. What a person reads: what happened, why it matters, what to do.
 * Exit codes: 0 allowed or done, 1 denied, 2 usage or unreadable input, 3 environment.
 */
import { harmlessLines } from "@firstmile/formats/bytes/visible";
import { harmless, type Terminal } from "./terminal.ts";

export const EXIT = { ok: 0, denied: 1, input: 2, environment: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Stops a command with a message and what would help. */
export class Failure extends Error {
  readonly exit: ExitCode;
  readonly help: string | undefined;
  /** Lines below the message: where a file is wrong, or what to put into one. */
  readonly detail: string | undefined;

  constructor(exit: ExitCode, message: string, help?: string, options?: ErrorOptions & { detail?: string }) {
    super(message, options);
    this.name = "Failure";
    this.exit = exit;
    this.help = help;
    this.detail = options?.detail;
  }
}

/** The command line or a file that it names cannot be used as it is. */
export function badInput(message: string, help?: string, detail?: string): Failure {
  return new Failure(EXIT.input, message, help, detail === undefined ? {} : { detail });
}

/** This machine lacks something that the command needs. */
export function badEnvironment(message: string, help?: string): Failure {
  return new Failure(EXIT.environment, message, help);
}

/** Errors that mean that what was named cannot be read, rather than that this machine is at fault. */
const INPUT_ERRORS: ReadonlySet<string> = new Set([
  "RepositoryError",
  "FormatError",
  "BatchFormatError",
  "SourceError",
  "AdoptionError",
  "SubjectError",
  "UnadmittableError",
]);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Failure) return error.exit;
  return error instanceof Error && INPUT_ERRORS.has(error.name) ? EXIT.input : EXIT.environment;
}

/** The lines that a person reads when a command ends without a verdict. */
export function explainFailure(error: unknown, terminal: Terminal): string {
  const message = error instanceof Error ? error.message : String(error);
  const detail =
    error instanceof Failure && error.detail !== undefined ? `\n${harmlessLines(error.detail)}` : "";
  const line = `${terminal.style("red", "firstmile:")} ${harmless(message)}${detail}`;
  const help =
    error instanceof Error && "help" in error && typeof error.help === "string" ? error.help : undefined;
  return help === undefined ? line : `${line}\n  ${terminal.style("cyan", "help:")} ${harmless(help)}`;
}
