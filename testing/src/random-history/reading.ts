/**
 * The model's second half: which changes on the line of first parents were read by people who had no part in them. It
 * looks at versions and lines, and at no merge base: of a merge, a reading of what a side did counts where the side has
 * just the version that was read, the version that it was read upon is one that the line had or that was read itself,
 * and where all such readings together hold each line that the merge adds to the line of first parents or takes away.
 */
import {
  type File,
  firstParents,
  type Person,
  pathsOf,
  type RandomHistory,
  reached,
  sameFile,
  takingPart,
  versionOf,
} from "./history.ts";
import type { Offence } from "./offences.ts";
import { areApart, type Own } from "./provenance.ts";
import { asksForReading, meets, type RandomRule, ruleOf } from "./rules.ts";
import { fewestUnread, type Piece } from "./stretches.ts";

/** A commit of the line that changes a path. */
export interface Step {
  readonly commit: number;
  readonly path: string;
  readonly before: File | undefined;
  readonly after: File | undefined;
  /** Who had a part in it. */
  readonly part: ReadonlySet<Person>;
  /** Of a merge that leaves the path as merged: what the further parents have there. */
  readonly sides: readonly (File | undefined)[];
  readonly merger: Person | undefined;
}

export function unreadSteps(history: RandomHistory, own: readonly Own[]): Offence[] {
  if (!asksForReading(history.rules)) return [];
  const found: Offence[] = [];
  for (const [path, steps] of stepsByPath(history, own)) {
    const rule = ruleOf(history.rules, path);
    const readers = new Readers(history, rule, steps);
    const unread = fewestUnread(steps.length, readers.pieces(), (people) => meets(rule.review!, people));
    for (const at of unread)
      found.push({ kind: "unread", commit: steps[at]!.commit, path, why: whatOf(steps, at) });
    const last = steps.at(-1)!;
    if (isRejected(history, rule, last))
      found.push({ kind: "rejected", commit: last.commit, path, why: `has ${versionOf(last.after)}` });
  }
  return found;
}

/** For a person: `- -> 100644 a|b`, and whether the path came back, from before this change, to what it was. */
function whatOf(steps: readonly Step[], at: number): string {
  const { before, after } = steps[at]!;
  const later = steps.slice(at);
  const back = steps.slice(0, at + 1).some((old) => later.some((one) => sameFile(old.before, one.after)));
  return `${versionOf(before)} -> ${versionOf(after)}${back ? ", and as it was before" : ""}`;
}

/** Every path that has to be read, with the commits of the line that change it, oldest first. */
export function stepsByPath(history: RandomHistory, own: readonly Own[]): Map<string, Step[]> {
  const { commits, introduction, rules, mode } = history;
  const tip = commits.length - 1;
  const accepted = reached(commits, [introduction]);
  const line = firstParents(commits, tip).filter((at) => !accepted.has(at));
  const looked: [number, number][] =
    mode === "tip"
      ? line.slice(0, 1).map((at) => [at, introduction])
      : line.toReversed().map((at) => [at, commits[at]!.parents[0]!]);
  const found = new Map<string, Step[]>();
  for (const [at, base] of looked) {
    const people = peopleIn(history, at, base);
    for (const path of pathsOf([commits[base]!.files, commits[at]!.files])) {
      const [before, after] = [commits[base]!.files.get(path), commits[at]!.files.get(path)];
      if (sameFile(before, after) || !ruleOf(rules, path).review) continue;
      const merges = mode !== "tip" && commits[at]!.parents.length > 1;
      const isOwn = !merges || own[at]!.has(path);
      const part = new Set(isOwn ? [...people.brought, ...people.here] : people.brought);
      const sides = isOwn
        ? []
        : commits[at]!.parents.slice(1).map((parent) => commits[parent]!.files.get(path));
      const merger = isOwn ? undefined : commits[at]!.signer;
      found.set(path, [...(found.get(path) ?? []), { commit: at, path, before, after, part, sides, merger }]);
    }
  }
  return found;
}

/** Who took part in what a commit brings in beside what `base` reaches, and in the commit itself. */
function peopleIn({ commits, mode }: RandomHistory, at: number, base: number) {
  const old = reached(commits, [base]);
  const range = [...reached(commits, [at])].filter((one) => !old.has(one));
  const isMerge = mode !== "tip" && commits[at]!.parents.length > 1;
  const brought = range.filter((one) => !isMerge || one !== at).flatMap((one) => takingPart(commits[one]!));
  return { brought, here: takingPart(commits[at]!) };
}

class Readers {
  private readonly history: RandomHistory;
  private readonly steps: readonly Step[];
  private readonly rule: RandomRule;
  /** Who approved, by path and both versions. */
  private readonly approved = new Map<string, Set<Person>>();
  private readonly approvals: readonly { by: Person; before: File | undefined; after: File | undefined }[];

  constructor(history: RandomHistory, rule: RandomRule, steps: readonly Step[]) {
    this.history = history;
    this.steps = steps;
    this.rule = rule;
    const { path } = steps[0]!;
    this.approvals = history.reviews.filter((one) => one.verdict === "approve" && one.path === path);
    for (const { by, before, after } of this.approvals) {
      const key = `${versionOf(before)} > ${versionOf(after)}`;
      this.approved.set(key, (this.approved.get(key) ?? new Set()).add(by));
    }
  }

  pieces(): Piece[] {
    const { steps } = this;
    const pieces: Piece[] = [];
    for (const [from, first] of steps.entries()) {
      const took = new Set<Person>();
      for (const [past, last] of steps.slice(from).entries()) {
        for (const name of last.part) took.add(name);
        const readers = this.whoApproved(first.before, last.after);
        pieces.push({ from, to: from + past + 1, by: readers.difference(took) });
      }
      pieces.push({ from, to: from + 1, by: this.byMerging(from) });
    }
    return pieces;
  }

  private whoApproved(before: File | undefined, after: File | undefined): ReadonlySet<Person> {
    return this.approved.get(`${versionOf(before)} > ${versionOf(after)}`) ?? new Set();
  }

  private byMerging(at: number): ReadonlySet<Person> {
    const step = this.steps[at]!;
    const readers = new Set<Person>();
    if (step.merger === undefined) return readers;
    const known = this.knownBefore(at);
    const people = this.rule.review!.of;
    for (const name of people) if (this.isPutTogether(step, name, known)) readers.add(name);
    if (this.rule.mergeIsReview) readers.add(step.merger);
    return readers.difference(step.part);
  }

  /** Versions that the line had before a step, or the introduction's ancestors, and those read on top of them. */
  private knownBefore(at: number): ReadonlySet<string> {
    const { commits, introduction } = this.history;
    const { path } = this.steps[at]!;
    const old = [...reached(commits, [introduction])].map((one) => versionOf(commits[one]!.files.get(path)));
    const had = this.steps.slice(0, at + 1).map(({ before }) => versionOf(before));
    const known = new Set([...old, ...had]);
    for (const version of known) {
      for (const { before, after } of this.approvals)
        if (versionOf(before) === version) known.add(versionOf(after));
    }
    return known;
  }

  /** Whether every line that the merge adds or takes away is in what this person read of a side. */
  private isPutTogether(step: Step, name: Person, known: ReadonlySet<string>): boolean {
    const read = this.approvals.filter(
      ({ by, before, after }) =>
        by === name && known.has(versionOf(before)) && step.sides.some((side) => sameFile(side, after)),
    );
    const [before, after] = [linesOf(step.before), linesOf(step.after)];
    const added = [...after.difference(before)];
    const removed = [...before.difference(after)];
    const [froms, tos] = [read.map((one) => one.before), read.map((one) => one.after)];
    const adds = (line: string) => tos.some((to, i) => comesTo(froms[i], to, line));
    const removes = (line: string) => froms.some((from, i) => comesTo(tos[i], from, line));
    return read.length > 0 && added.every(adds) && removed.every(removes);
  }
}

/** Whether a line is in `to` and not in `from`, or elsewhere there: a reader sees both of a line that is moved. */
function comesTo(from: File | undefined, to: File | undefined, line: string): boolean {
  return linesOf(to).has(line) && (!linesOf(from).has(line) || areApart([from, to], line));
}

function linesOf(file: File | undefined): ReadonlySet<string> {
  return new Set(file === undefined ? [] : [`(mode ${file.mode.toString(8)})`, ...file.lines]);
}

function isRejected({ reviews }: RandomHistory, rule: RandomRule, { path, before, after }: Step): boolean {
  return reviews.some(
    (one) =>
      one.verdict === "reject" &&
      one.path === path &&
      rule.review!.of.includes(one.by) &&
      sameFile(one.after, after) &&
      (after !== undefined || sameFile(one.before, before)),
  );
}
