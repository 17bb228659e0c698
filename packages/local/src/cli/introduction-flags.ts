/** What a person copies of an introduction: a commit, and the keys that signed it. */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type CommitId, parseCommitId } from "@firstmile/formats/git/object-id";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { badInput } from "./failure.ts";

export function wholeId(text: string): CommitId {
  try {
    return parseCommitId(text.toLowerCase());
  } catch (error) {
    if (error instanceof FormatError)
      throw badInput(`${text} is no whole commit id`, "give all 40 (or 64) hexadecimal digits");
    throw error;
  }
}

/** As people copy them: OpenPGP with or without spaces, SSH as ssh-keygen prints it. */
export function fingerprint(text: string): Fingerprint {
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(text)) return text as Fingerprint;
  const hex = text.replace(/[\s:]|^0x/g, "").toUpperCase();
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(hex)) return hex as Fingerprint;
  throw badInput(
    `${text} is no key fingerprint`,
    "OpenPGP: all 40 hexadecimal digits (gpg --fingerprint); SSH: SHA256:… (ssh-keygen -l)",
  );
}
