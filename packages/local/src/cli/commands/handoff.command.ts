import { buildCommand } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText } from "../flags.ts";

export interface HandoffFlags {
  readonly file?: string;
  readonly attr?: readonly string[];
  readonly hash?: string;
  readonly unpack: boolean;
  readonly signature?: string;
  readonly key?: string;
  readonly author?: string;
  readonly role?: string;
  readonly policy?: string;
  readonly to?: string;
  readonly again: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

function plainFlag(brief: string) {
  return { kind: "boolean", default: false, withNegated: false, brief } as const;
}

export const handoffCommand = buildCommand<HandoffFlags, readonly string[], FirstmileContext>({
  loader: async () => (await import("./handoff.ts")).handoff,
  parameters: {
    flags: {
      file: optionalText("FILE", "A Nix file (default: default.nix)"),
      attr: repeatedText("ATTR", "Every source that this attribute of FILE is built from; repeat for more"),
      hash: optionalText("HASH", "Of the one URL: what it must have, as Nix writes hashes"),
      unpack: plainFlag("Of URLs: hand on the tree in the archive, as fetchzip and fetchFromGitHub pin it"),
      signature: optionalText("URL|FILE", "Where the author's signature is, if not in a usual place"),
      key: optionalText("FILE", "The author's keys, where no rule names an author yet"),
      author: optionalText("NAME", "What a rule is to call that author (default: from the file's name)"),
      role: optionalText("ROLE", "Who a new rule asks to vouch (default: packager)"),
      policy: optionalText("DIR", "Rules in DIR, a checkout of a trust repository (default: those followed)"),
      to: optionalText(
        "DIR",
        "Write statements below DIR (default: statements/ of --policy, or a Git ref here)",
      ),
      again: plainFlag("Also what others have handed on already"),
      yes: plainFlag("Sign without being asked, and take a new author's key for what it says"),
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "array",
      parameter: { parse: String, placeholder: "URL|DRV", brief: "A source's URL, or a derivation" },
    },
  },
  docs: {
    brief: "Check the author's signature on sources, and hand it on to whoever trusts you",
    customUsage: ["-A ATTR [-f FILE]", "URL [--hash HASH]", "URL --key FILE"],
    fullDescription:
      "Fetches each source and the signature beside it (.asc, .sig, .sign, .minisig, SHA256SUMS.asc and the like, or where\n" +
      "the [[upstream]] rule says), and checks it by the keys of the rule's author over the very bytes that are pinned.\n" +
      "Where no rule names an author, --key FILE gives keys: they are shown, you are asked whether they are the author's,\n" +
      "and the lines for the policy are printed. Then it signs, with your own Git signing key, one statement for each\n" +
      "source that carries the author's signature itself, so that everyone checks it again, offline.\n" +
      "Exit codes: 0 handed on, 1 some that rules ask for were not; 2 and 3 as everywhere.",
  },
});
