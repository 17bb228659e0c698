/** What somebody says of one file of a sitting, and whether what they said before they stopped is to be signed. */
import { confirm, isCancel, select, text } from "@clack/prompts";
import { isNote } from "@firstmile/formats/statement/note";
import type { ReviewVerdict } from "@firstmile/formats/statement/review";
import type { ReviewFlags } from "./review.command.ts";
import type { Interruption } from "./review-interruption.ts";

export type WorkAnswer =
  | { readonly kind: ReviewVerdict; readonly note: string | undefined }
  | { readonly kind: "skip" }
  | { readonly kind: "stop" };

export interface WorkQuestion {
  /** `2 of 12  pkgs/hello.nix, 4 lines`. */
  readonly about: string;
  readonly binary: boolean;
  /** Written in an editor before. */
  readonly note: string | undefined;
}

type Choice = ReviewVerdict | "noted" | "skip" | "stop";

/** Throws `Interrupted`. */
export async function askWork(
  flags: ReviewFlags,
  { about, binary, note }: WorkQuestion,
  interruption: Interruption,
): Promise<WorkAnswer> {
  const choice = await select<Choice>({
    message: about,
    options: choices(flags, binary, note !== undefined),
    // Enter by mistake must not sign.
    initialValue: "skip",
    showInstructions: false,
    signal: interruption.signal,
  });
  if (isCancel(choice)) interruption.raise();
  if (choice === "skip" || choice === "stop") return { kind: choice };
  const kind = choice === "noted" ? "approve" : choice;
  if (note !== undefined || choice === "approve") return { kind, note };
  return { kind, note: await askNote(kind, interruption) };
}

function choices(flags: ReviewFlags, binary: boolean, isNoted: boolean) {
  const how = flags.machine ? "a machine" : "I";
  const depth = binary ? "looked at it by other means" : flags.skimmed ? "looked it over" : "read every line";
  const approve: Choice[] = isNoted ? ["approve"] : ["approve", "noted"];
  const hints: Readonly<Record<Choice, [label: string, hint: string]>> = {
    approve: ["approve", `${how} ${depth}, and it is good`],
    noted: ["approve, with a note", "for whoever reads the review"],
    reject: ["reject", "it must not be used as it is"],
    skip: ["skip", "say nothing of it"],
    stop: ["stop here", "sign what was said so far"],
  };
  return [...approve, "reject" as const, "skip" as const, "stop" as const].map((value) => {
    const [label, hint] = hints[value];
    return { value, label, hint };
  });
}

async function askNote(kind: ReviewVerdict, interruption: Interruption): Promise<string | undefined> {
  const message = kind === "reject" ? "Why? Its author reads it (empty: no word)" : "Note (empty: none)";
  const said = await text({ message, validate: noteProblem, signal: interruption.signal });
  if (isCancel(said)) interruption.raise();
  return said?.trim() || undefined;
}

/** Of one file: a statement holds the notes of many. */
const MAX_NOTE = 2000;

/** Why nobody can be shown this note; undefined: they can. */
export function noteProblem(note: string | undefined): string | undefined {
  if (!note) return undefined;
  if (note.length > MAX_NOTE) return `it has more than ${MAX_NOTE} characters`;
  return isNote(note) ? undefined : "it holds characters that no terminal shows as they are";
}

/** Whether to sign what was said before an interruption. No answer is a no. */
export async function askToKeep(what: string, { signal }: Interruption): Promise<boolean> {
  const message = `Interrupted. Sign what you said so far: ${what}?`;
  const answer = await confirm({ message, active: "sign", inactive: "drop", initialValue: false, signal });
  return answer === true;
}
