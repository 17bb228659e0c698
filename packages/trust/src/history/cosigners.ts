/**
 * Which co-signers had a part in a commit. Claim: a person who co-signs a commit that its other signers may make alone
 * is a reader like any other; one without whom its rules would not be met is not. So a person who reads a change and
 * then signs the release has still read it; and no signature that is added later takes an answer away. Against: an
 * author's second signer who is also called the independent reader.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import type { Rule } from "../policy/policy.ts";
import type { Docket } from "./authenticate.ts";
import { type OwnChanges, rulesFor, type Writers } from "./judge.ts";
import type { Signers } from "./signers.ts";
import { isUnreadable, type Unreadable } from "./unreadable.ts";

/** Those without whom a commit would not meet some of these rules. */
export function neededFor(writers: Writers, signers: Signers, rules: Iterable<Rule>): PrincipalName[] {
  const needed = new Set<PrincipalName>();
  for (const rule of rules) {
    if (!writers.tally(rule, signers).met) continue;
    for (const name of signers.principals) if (!isMetWithout(writers, signers, rule, name)) needed.add(name);
  }
  return [...needed];
}

function isMetWithout(writers: Writers, signers: Signers, rule: Rule, name: PrincipalName): boolean {
  const principals = new Set([...signers.principals].filter((other) => other !== name));
  return writers.tally(rule, { ...signers, principals }).met;
}

/** The signers, by rows, without whom a judged commit would not meet the rules of the paths that it changes itself. */
export function neededSigners(
  { history, judged, signatories, writers }: Docket,
  own: ReadonlyMap<CommitId, OwnChanges | Unreadable>,
): (row: number) => readonly PrincipalName[] {
  const needed = new Map<number, readonly PrincipalName[]>();
  for (const row of judged) {
    const id = history.commits.idAt(row);
    const changes = own.get(id);
    if (!changes || isUnreadable(changes) || !history.cosignatures.has(id)) continue;
    const rules = new Set(changes.paths.flatMap((path) => rulesFor(writers.source, path, changes)));
    needed.set(row, neededFor(writers, signatories.of(row), rules));
  }
  return (row) => needed.get(row) ?? [];
}
