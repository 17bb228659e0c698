/**
 * Claim: where a rule asks for a review, everything that reached the tip under its paths was read and approved by
 * people who meet it, none of whom wrote, committed or signed any commit of the range that they read, or co-signed one
 * that needed it (cosigners.ts). Against: an
 * author who approves their own change, under a second key or address, as committer, co-author or co-signer; a merger
 * who adds something in the merge; content exchanged after the review.
 *
 * What is read is content: a path, what stood there before and what after. So a review holds after a squash or a
 * rebase that comes to the same content, and no longer when a byte differs. It is asked along the line of first
 * parents: each of its commits brings in a range, which for a merge is what its further parents had and the first had
 * not. A bump of a package's version, where a rule lets that be, counts as read by everybody, file by file.
 * Left out: how well somebody read; people who write under names that the policy does not know.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import { ruleFor } from "../policy/paths.ts";
import type { Policy, ReviewRule, Rule, Source } from "../policy/policy.ts";
import { isMet, meets, peopleOf } from "../policy/thresholds.ts";
import type { ResultVersion, ReviewIndex } from "../statement/review-index.ts";
import { type DeniedCommit, SHOWN_PATHS } from "./judge.ts";
import { type By, EVERYBODY, MAX_STRETCH, type Piece, unreadChanges } from "./reading.ts";
import type { PathChange } from "./trees.ts";

/** What a path is after a change, with the SHA-256 of its content where that was read. */
export interface BroughtChange extends PathChange {
  readonly after: ResultVersion | undefined;
  /** Under a rule with `bump`: a change of version and hash alone, to a source that the same author signed. */
  readonly bumped?: boolean;
}

/** What people approved and rejected, by content: see statement/review-index.ts. */
export interface Reviews {
  /** As it counts for what a commit brings: a retired reviewer's word counts in old commits. */
  at(commit: CommitId): Pick<ReviewIndex, "approvals" | "isReadFrom" | "rejections">;
}

/** A commit on the line of first parents and what it brings. */
export interface Step {
  readonly commit: CommitId;
  /** Everything that differs from its first parent. */
  readonly net: readonly BroughtChange[];
  /** Of a merge: the paths that it changes beyond merging. Undefined: no merge, so all of it is its own. */
  readonly own: ReadonlySet<string> | undefined;
  /** Of a merge: what each further parent changed since it left the line. */
  readonly sides: readonly ReadonlyMap<string, BroughtChange>[];
  /** Everybody who had a part in a commit that is merged; of a commit that merges nothing, in itself. */
  readonly range: ReadonlySet<PrincipalName>;
  /** Everybody who had a part in the merge commit itself, and those whose valid signature it carries. */
  readonly mergers: ReadonlySet<PrincipalName>;
  /** Whose valid signature the commit itself carries; whoever merely co-signed it did not merge. */
  readonly merger: PrincipalName | undefined;
}

/** Whether any rule of the source asks for a review. */
export function asksForReviews(source: Source): boolean {
  return source.rules.some(({ review }) => review !== undefined);
}

/** Judges steps, oldest first, that together lead to the tip. */
export function judgeReviews(
  policy: Policy,
  source: Source,
  steps: readonly Step[],
  reviews: Reviews,
): DeniedCommit[] {
  const readers = new Readers(source, steps, reviews);
  const missing = new Map<number, Unread[]>();
  const note = (step: number, unread: Unread) => {
    const noted = missing.get(step);
    if (noted) noted.push(unread);
    else missing.set(step, [unread]);
  };
  const suffices = memoized(policy);
  for (const [path, { rule, review, changes }] of changesByPath(source, steps)) {
    const { step: last, change } = changes.at(-1)!;
    const rejected = rejection(policy, review, steps[last]!.commit, change, reviews);
    if (rejected.length > 0 && !source.goodlist.has(steps[last]!.commit))
      note(last, { path, rule, review, have: NOBODY, rejected });
    const pieces = readers.of(path, changes, review);
    for (const at of unreadChanges(changes.length, pieces, suffices(review))) {
      note(changes[at]!.step, { path, rule, review, have: someOf(pieces, at), rejected: [] });
    }
  }
  return [...missing]
    .sort(([a], [b]) => b - a)
    .map(([step, unread]) => denial(policy, source, steps[step]!, unread));
}

const NOBODY: ReadonlySet<PrincipalName> = new Set();

/** Whether people meet a rule's reviewers; each set of people is asked about once. */
function memoized(policy: Policy): (review: ReviewRule) => (readers: ReadonlySet<PrincipalName>) => boolean {
  const answers = new Map<ReviewRule, Map<string, boolean>>();
  return (review) => {
    const known = answers.get(review) ?? new Map<string, boolean>();
    answers.set(review, known);
    return (readers) => {
      const key = [...readers].sort().join(" ");
      const answer = known.get(key) ?? isMet(review.by, readers, policy);
      known.set(key, answer);
      return answer;
    };
  };
}

/** Whoever read a change in some piece: told to the person who looks for the others. */
function someOf(pieces: readonly Piece[], at: number): ReadonlySet<PrincipalName> {
  const over = pieces.filter(({ from, to }) => from <= at && at < to);
  return new Set(over.flatMap(({ by }) => (by === EVERYBODY ? [] : [...by])));
}

interface Unread {
  readonly path: string;
  readonly rule: Rule;
  readonly review: ReviewRule;
  /** Who read it and counts. */
  readonly have: ReadonlySet<PrincipalName>;
  readonly rejected: readonly PrincipalName[];
}

interface PathHistory {
  readonly rule: Rule;
  readonly review: ReviewRule;
  readonly changes: { readonly step: number; readonly change: BroughtChange }[];
}

/** Every path whose rule asks for a review, with its changes, oldest first. */
function changesByPath(source: Source, steps: readonly Step[]): Map<string, PathHistory> {
  const paths = new Map<string, PathHistory | undefined>();
  for (const [step, { net }] of steps.entries()) {
    for (const change of net) {
      if (!paths.has(change.path)) paths.set(change.path, historyOf(source, change.path));
      paths.get(change.path)?.changes.push({ step, change });
    }
  }
  return new Map([...paths].filter((entry): entry is [string, PathHistory] => entry[1] !== undefined));
}

function historyOf(source: Source, path: string): PathHistory | undefined {
  const rule = ruleFor(path, source.rules);
  return rule?.review && { rule, review: rule.review, changes: [] };
}

/** Content that somebody of the group rejected does not pass as long as the path has it. */
function rejection(
  policy: Policy,
  { by }: ReviewRule,
  commit: CommitId,
  { path, before, after }: PathChange,
  reviews: Reviews,
): PrincipalName[] {
  const against = reviews.at(commit).rejections(path, before, after);
  if (against.size === 0) return [];
  const heard = peopleOf(by, policy);
  return [...against].filter((name) => heard.has(name));
}

/** Who read the changes of a path, one by one or several as one, and had no part in them. */
class Readers {
  private readonly source: Source;
  private readonly steps: readonly Step[];
  private readonly reviews: Reviews;

  constructor(source: Source, steps: readonly Step[], reviews: Reviews) {
    this.source = source;
    this.steps = steps;
    this.reviews = reviews;
  }

  of(path: string, changes: PathHistory["changes"], review: ReviewRule): Piece[] {
    const pieces: Piece[] = [];
    const add = (from: number, to: number, by: By) => {
      if (by === EVERYBODY || by.size > 0) pieces.push({ from, to, by });
    };
    for (const [at, { step, change }] of changes.entries()) {
      const bumped = review.bump !== undefined && change.bumped === true;
      const accepted = bumped || this.source.goodlist.has(this.steps[step]!.commit);
      add(at, at + 1, accepted ? EVERYBODY : this.ofOne(step, change, review));
      this.addStretches(path, changes, at, add);
    }
    return [...pieces, ...takenBack(changes)];
  }

  private ofOne(
    index: number,
    { path, before, after }: BroughtChange,
    review: ReviewRule,
  ): Set<PrincipalName> {
    const step = this.steps[index]!;
    const merged = step.own !== undefined && !step.own.has(path);
    const readers = new Set(this.reviews.at(step.commit).approvals(path, before, after));
    if (merged) {
      for (const name of this.ofSides(step, path)) readers.add(name);
      if (review.mergeIsReview && step.merger !== undefined) readers.add(step.merger);
    }
    return without(readers, partIn(step, path));
  }

  /** Who read what every merged side did to the path, as the sides have it: merging them added nothing. */
  private ofSides(step: Step, path: string): Set<PrincipalName> {
    const touched = step.sides.flatMap((side) => side.get(path) ?? []);
    const index = this.reviews.at(step.commit);
    const each = touched.map(({ before, after }) => index.approvals(path, before, after));
    const [first, ...others] = each;
    return new Set([...(first ?? [])].filter((name) => others.every((readers) => readers.has(name))));
  }

  /** A change that came in several commits may have been read as one: from the first's before to the last's after. */
  private addStretches(
    path: string,
    changes: PathHistory["changes"],
    from: number,
    add: (from: number, to: number, by: By) => void,
  ): void {
    const { step: first, change } = changes[from]!;
    // Whose word counts for a later commit counts for an earlier one: who read nothing from here is not asked again.
    if (!this.reviews.at(this.steps[first]!.commit).isReadFrom(path, change.before)) return;
    const took = new Set(this.partInAt(changes, from));
    for (let to = from + 1; to < Math.min(changes.length, from + MAX_STRETCH); to++) {
      for (const name of this.partInAt(changes, to)) took.add(name);
      const { step, change: last } = changes[to]!;
      const readers = this.reviews.at(this.steps[step]!.commit).approvals(path, change.before, last.after);
      add(from, to + 1, without(readers, took));
    }
  }

  private partInAt(changes: PathHistory["changes"], at: number): ReadonlySet<PrincipalName> {
    const { step, change } = changes[at]!;
    return partIn(this.steps[step]!, change.path);
  }
}

/** Whoever merged had a part in what the merge itself changes, and none in what it merely merges. */
function partIn(step: Step, path: string): ReadonlySet<PrincipalName> {
  if (step.own === undefined || !step.own.has(path)) return step.range;
  return new Set([...step.range, ...step.mergers]);
}

/** What comes back to a version that was there before comes to nothing, and of nothing there is nothing to read. */
function takenBack(changes: PathHistory["changes"]): Piece[] {
  const pieces: Piece[] = [];
  const last = new Map<string, number>([[versionKey(changes[0]!.change.before), 0]]);
  for (const [at, { change }] of changes.entries()) {
    const key = versionKey(change.after);
    const from = last.get(key);
    if (from !== undefined) pieces.push({ from, to: at + 1, by: EVERYBODY });
    last.set(key, at + 1);
  }
  return pieces;
}

function versionKey(version: ResultVersion | undefined): string {
  return version === undefined ? "-" : `${version.mode} ${version.id}`;
}

function without(names: ReadonlySet<PrincipalName>, others: ReadonlySet<PrincipalName>): Set<PrincipalName> {
  return new Set([...names].filter((name) => !others.has(name)));
}

function denial(policy: Policy, source: Source, step: Step, unread: readonly Unread[]): DeniedCommit {
  const rejected = unread.find((one) => one.rejected.length > 0);
  const first = rejected ?? unread[0]!;
  const paths = [...new Set(unread.map(({ path }) => path))];
  const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
  const common = { commit: step.commit, paths: paths.slice(0, SHOWN_PATHS) };
  if (rejected) {
    const who = rejected.rejected.join(" and ");
    return {
      ...common,
      code: "review-rejected",
      message: `brings ${first.path}, which ${who} rejected as it is`,
      remedy: "change what was rejected; the review says why",
    };
  }
  return {
    ...common,
    code: "not-reviewed",
    message: `brings changes to ${first.path}${more} that ${lackingText(policy, first)}`,
    remedy: remedyText(policy, source, step, first),
  };
}

function lackingText(policy: Policy, { review, rule, have }: Unread): string {
  const group = review.role ? `role ${review.role}` : `the group of the rule at line ${rule.line}`;
  const { counted } = meets(review.by, have, policy);
  const asked = review.role
    ? `role ${review.role} has not read`
    : `the reviewers of the rule at line ${rule.line} of firstmile.toml have not read`;
  return counted.length > 0 ? `only ${counted.join(" and ")} of ${group} has read` : asked;
}

function remedyText(policy: Policy, source: Source, step: Step, { review, have, path }: Unread): string {
  const took = partIn(step, path);
  const sets = meets(review.by, have, policy)
    .completions.filter((people) => people.every((name) => !took.has(name)))
    .map((people) => people.join(" and "));
  const who = sets.length > 0 ? `${sets.join(", or ")} reads it` : "somebody who had no part in it reads it";
  const base = source.authenticate === "tip" ? `${source.introduction.commit.slice(0, 12)}..` : "";
  return `${who}: firstmile review REPO ${base}${step.commit.slice(0, 12)}`;
}
