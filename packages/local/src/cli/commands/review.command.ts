import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, unsealedFlag } from "../flags.ts";

export interface ReviewFlags {
  readonly reject: boolean;
  readonly again: boolean;
  readonly note?: string;
  readonly skimmed: boolean;
  readonly machine: boolean;
  readonly source?: string;
  readonly to?: string;
  readonly attr?: readonly string[];
  readonly file?: string;
  readonly path?: readonly string[];
  readonly policy?: string;
  readonly list: boolean;
  readonly suggest: boolean;
  readonly for?: string;
  readonly all: boolean;
  readonly editor: boolean;
  readonly yes: boolean;
  readonly unsealed: boolean;
  readonly json: boolean;
}

function plainFlag(brief: string) {
  return { kind: "boolean", default: false, withNegated: false, brief } as const;
}

export const reviewCommand = buildCommand<
  ReviewFlags,
  [repository?: string, revision?: string],
  FirstmileContext
>({
  loader: async () => (await import("./review.ts")).review,
  parameters: {
    flags: {
      reject: plainFlag("Reject it: as long as the content is this, rules that ask for your review deny it"),
      again: plainFlag(
        "Sign anew, with the key of today, what you approved with keys that were retired since",
      ),
      note: optionalText("TEXT", "What you have to say of it"),
      skimmed: plainFlag("You looked it over and did not read every line"),
      machine: plainFlag("A machine read it"),
      source: optionalText("NAME", "Counts for this source of a policy alone (default: for any)"),
      to: optionalText("DIR", "Write the statement below DIR and not into the repository"),
      attr: repeatedText("ATTR", "Of a slice: what evaluating this attribute reads; repeat for more"),
      file: optionalText("FILE", "Of a slice: the file that is evaluated (default: default.nix)"),
      path: repeatedText("PATH", "Of a slice: this file, directory or pattern alone; repeat for more"),
      policy: optionalText("DIR", "Of a slice: judge by the rules in this directory"),
      list: plainFlag("Of a slice: what a team has to read, and who has done their part; sign nothing"),
      suggest: plainFlag("Of a slice: the order that lifts coverage soonest; sign nothing"),
      for: optionalText("NAME", "With --list or --suggest: what this principal could read"),
      all: plainFlag("With --list or --suggest: every file"),
      editor: plainFlag("Of a slice: show it in $EDITOR, with room for a note"),
      yes: plainFlag("Approve, or with --reject reject, without being asked"),
      unsealed: unsealedFlag,
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "REPO",
          optional: true,
          brief: "A Git repository that has the change; of a slice, its source too",
        },
        {
          parse: String,
          placeholder: "REV|BASE..REV",
          optional: true,
          brief: "A commit, read against its first parent; or all that differs between two",
        },
      ],
    },
  },
  docs: {
    brief: "Read a change, or what is left to read of a slice, and sign that you did",
    fullDescription:
      "Shows what differs, in $GIT_PAGER or $PAGER on a terminal, asks what you say of it, and signs that with your own\n" +
      "Git signing key. The statement names content, path by path, before and after, with SHA-256, and no commit: it\n" +
      "holds after a squash, a rebase or a cherry-pick. It is kept below refs/firstmile/statements: push that ref.\n" +
      "\n" +
      "With -A, -f or --path it goes through the files of a source that is judged by what is read of it, the smallest\n" +
      "work first: of each that nobody covers the change from a content that people have read, or the whole. All that\n" +
      "you approve in one sitting is one statement; Ctrl-C asks what becomes of what you have said by then.\n" +
      "--to takes a checkout of a trust repository too. --list shows what a team has to read, --suggest in which order.\n" +
      "Exit codes: 0 signed, 1 nothing signed, 130 interrupted; 2 and 3 as everywhere.",
  },
});
