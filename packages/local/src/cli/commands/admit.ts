/** `firstmile admit`. */
import type { Admitted } from "../../admission/admit.ts";
import { askAdmission } from "../../asking/ask.ts";
import type { Asked } from "../../asking/nix-command.ts";
import { GateClient } from "../../gate/client.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { harmless } from "../terminal.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { AdmitFlags } from "./admit.command.ts";

export async function admit(
  this: FirstmileContext,
  flags: AdmitFlags,
  ...references: readonly string[]
): Promise<void> {
  const answers = await askAdmission(askerOf(this), askedBy(flags, references));
  if (flags.json) this.terminal.json(answers);
  else for (const answer of answers) showVerdict(this.terminal, answer.verdict);
  this.exit(allAllowed(answers) ? EXIT.ok : EXIT.denied);
}

export function askerOf(context: FirstmileContext) {
  return {
    gate: new GateClient(context.stateDir),
    cwd: context.cwd,
    progress: (text: string) => context.terminal.progress(text),
    warn: (text: string) => context.terminal.say(harmless(text)),
  };
}

export function allAllowed(answers: readonly Admitted[]): boolean {
  return answers.length > 0 && answers.every(({ verdict }) => verdict.allowed);
}

function askedBy(flags: AdmitFlags, references: readonly string[]): Asked {
  if (flags.file !== undefined && references.length > 0)
    throw badInput(
      "a file and flakes cannot be admitted in one go",
      "give -f FILE -A ATTR, or FLAKEREF#ATTR",
    );
  if (references.length > 0) return { kind: "flake", references, verb: "build" };
  return { kind: "file", file: flags.file ?? "default.nix", attrs: flags.attr ?? [], argstr: {} };
}
