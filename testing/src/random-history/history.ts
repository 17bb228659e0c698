/**
 * A history as plain data: who made each commit on which others, what files it has, and who read what. From it come
 * both the Git objects that the judge is asked about and the answer of the model.
 */
import type { RuleSet } from "./rules.ts";

export const PEOPLE = ["alice", "bob", "carol"] as const;
export type Person = (typeof PEOPLE)[number];

export const PLAIN = 0o100644;
export const EXECUTABLE = 0o100755;
export const LINK = 0o120000;

/** A few different lines. A link has one line, its target. */
export interface File {
  readonly mode: number;
  readonly lines: readonly string[];
}

/** By path, such as `docs/guide`. */
export type Files = ReadonlyMap<string, File>;

export interface Commit {
  /** Places in the list of commits; each is smaller than the commit's own. */
  readonly parents: readonly number[];
  readonly files: Files;
  readonly author: Person;
  readonly committer: Person;
  readonly coAuthors: readonly Person[];
  readonly signer: Person;
  readonly cosigners: readonly Person[];
  /** How it was made, for whoever reads a failure. */
  readonly move: string;
}

/** What a person read, or rejected: one path from one version to another. */
export interface Review {
  readonly by: Person;
  readonly verdict: "approve" | "reject";
  readonly path: string;
  readonly before: File | undefined;
  readonly after: File | undefined;
}

export type Mode = "every-commit" | "first-parent" | "tip";

export interface RandomHistory {
  readonly rules: RuleSet;
  readonly mode: Mode;
  /** Parents before their children; the last is the tip. */
  readonly commits: readonly Commit[];
  readonly introduction: number;
  readonly reviews: readonly Review[];
  /** Made to be allowed: every change by its writers, every reading there. */
  readonly honest: boolean;
}

/** One text a version: equal texts are equal versions. */
export function versionOf(file: File | undefined): string {
  return file === undefined ? "-" : `${file.mode.toString(8)} ${file.lines.join("|")}`;
}

export function sameFile(a: File | undefined, b: File | undefined): boolean {
  return a === b || versionOf(a) === versionOf(b);
}

/** Every commit that one of these reaches, itself among them. */
export function reached(
  commits: readonly Pick<Commit, "parents">[],
  tips: Iterable<number>,
): ReadonlySet<number> {
  const seen = new Set<number>(tips);
  for (const at of seen) for (const parent of commits[at]!.parents) seen.add(parent);
  return seen;
}

/** The tip, its first parent, and so on. */
export function firstParents(commits: readonly Pick<Commit, "parents">[], tip: number): number[] {
  const line: number[] = [];
  for (let at: number | undefined = tip; at !== undefined; at = commits[at]!.parents[0]) line.push(at);
  return line;
}

/** Everybody who wrote or committed a commit, or signed it themselves. Who merely co-signed it may read it still. */
export function takingPart({ author, committer, coAuthors, signer }: Commit): Person[] {
  return [author, committer, ...coAuthors, signer];
}

/** Paths of several states, each once. */
export function pathsOf(states: Iterable<Files>): Set<string> {
  const paths = new Set<string>();
  for (const state of states) for (const path of state.keys()) paths.add(path);
  return paths;
}
