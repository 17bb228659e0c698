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
  const lines = [commit.author, commit.committer].map(({ raw }) => fromBracket(latin1(raw)));
  const names = [...lines, ...coAuthors(commit.message)].flatMap(addressesIn);
  const people = names.map((email) => byEmail.get(email)).filter((name) => name !== undefined);
  return [...new Set(people)].sort();
}

const NOBODY: readonly string[] = [];
/**
 * Anywhere in the message, with the lines that Git folds into it: a trailer that Git would not take for one names a
 * co-author to people all the same.
 */
const CO_AUTHOR = /^[ \t\r\v\f]*co-authored-by[ \t\r\v\f]*:([^\n]*(?:\n[ \t\r\v\f][^\n]*)*)/gim;

function coAuthors(message: Uint8Array): readonly string[] {
  const text = latin1(message);
  return /co-authored-by/i.test(text) ? Array.from(text.matchAll(CO_AUTHOR), ([, value]) => value!) : NOBODY;
}

/** A name never counts as an address, even where it looks like one. */
function fromBracket(line: string): string {
  const at = line.indexOf("<");
  return at < 0 ? "" : line.slice(at);
}

/**
 * Every address in a Latin-1 text, as `peopleByEmail` has it: what stands between angle brackets, and what stands
 * around an `@`. Readers disagree which of several counts, and how much around one belongs to it: each reading is given.
 */
export function addressesIn(latin1Text: string): string[] {
  const text = folded(latin1Text);
  const all = new Set<string>();
  for (const [, email] of text.matchAll(/<([^<>]*)>/g)) all.add(without(" \t\n\r\v\f", email!));
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) enterAround(text, at, all);
  return [...all];
}

/** Ends an address on either side; `@` too, so that a row of them costs no more than its length. */
const ENDS = /[^!#-+\--9=?A-[\]-~\u0080-\u00ff]/;

function enterAround(text: string, at: number, all: Set<string>): void {
  let [from, to] = [at, at + 1];
  while (from > 0 && !ENDS.test(text[from - 1]!)) from--;
  while (to < text.length && !ENDS.test(text[to]!)) to++;
  if (from === at || to === at + 1) return;
  const whole = text.slice(from, to);
  all.add(whole);
  if (!/[()[\]{}.*'`!?]/.test(whole)) return;
  all.add(without(MARKS, whole));
  const [local, domain] = [text.slice(from, at), text.slice(at + 1, to)];
  for (const marks of BRACKETS)
    all.add(`${local.slice(1 + last(marks, local))}@${domain.slice(0, first(marks, domain))}`);
}

/** May be a part of an address, as in `app[bot]@`, and may stand around one. */
const BRACKETS = ["()", "()[]{}"];
const MARKS = ".*'`!?";

// Not by regular expressions: those that end in `$` take the square of a text's length.
function without(marks: string, text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && marks.includes(text[from]!)) from++;
  while (to > from && marks.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

function last(marks: string, text: string): number {
  return Math.max(...[...marks].map((mark) => text.lastIndexOf(mark)));
}

function first(marks: string, text: string): number {
  const found = [...marks].map((mark) => text.indexOf(mark)).filter((at) => at >= 0);
  return Math.min(text.length, ...found);
}

function folded(latin1Text: string): string {
  return latin1Text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
