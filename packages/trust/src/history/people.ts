/**
 * Who had a part in a commit, by its own word: author, committer and co-authors, matched to principals by e-mail.
 *
 * Claim: a principal whose address stands in any of these places is found, in whatever case and beside whatever else.
 * It is used only against people (nobody reviews what they wrote), so finding too many is safe. Left out: whoever
 * writes under an address that the policy does not list; addresses prove nothing.
 */
import { encodeUtf8, latin1 } from "@firstmile/formats/bytes/text";
import type { Commit } from "@firstmile/formats/git/commit";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";

/** Principals by e-mail address: its UTF-8 bytes as a Latin-1 string, ASCII letters in lower case. */
export function peopleByEmail({
  principals,
}: Pick<Policy, "principals">): ReadonlyMap<string, PrincipalName> {
  return new Map(
    [...principals.values()].flatMap(({ name, emails }) =>
      emails.map((email) => [folded(latin1(encodeUtf8(email))), name] as const),
    ),
  );
}

/** The principals behind a commit's author, committer and `Co-authored-by:` lines, each once, by name. */
export function whoWrote(
  commit: Commit,
  byEmail: ReadonlyMap<string, PrincipalName>,
): readonly PrincipalName[] {
  const lines = [latin1(commit.author.raw), latin1(commit.committer.raw), ...coAuthors(commit.message)];
  const names = lines.flatMap(addressesIn).map((email) => byEmail.get(email));
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

const NOBODY: readonly string[] = [];
/** Anywhere in the message: a trailer that Git would not take for one names a co-author to people all the same. */
const CO_AUTHOR = /^[ \t]*co-authored-by[ \t]*:([^\n]*)/gim;

function coAuthors(message: Uint8Array): readonly string[] {
  const text = latin1(message);
  return /co-authored-by/i.test(text) ? Array.from(text.matchAll(CO_AUTHOR), ([, value]) => value!) : NOBODY;
}

/** Everything between angle brackets, as `peopleByEmail` has it: readers disagree which one of several counts. */
export function addressesIn(text: string): string[] {
  return Array.from(text.matchAll(/<([^<>]*)>/g), ([, email]) => folded(email!.trim()));
}

function folded(latin1Text: string): string {
  return latin1Text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
