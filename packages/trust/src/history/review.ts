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
 * not. Reviews of these count for a merge where they began at a version that the line had, or that was read as well: else
 * merging takes away what no reviewer saw there. A bump of a package's version, where a rule lets that be, counts as read
 * by everybody, file by file; so does, where a rule says `reverts = "free"`, a change back to an earlier version.
 * Left out: how well somebody read; people who write under names that the policy does not know.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import { leadsOnIn, rulesAt } from "../policy/paths.ts";
import type { Policy, ReviewRule, Rule, Source } from "../policy/policy.ts";
import { isMet } from "../policy/thresholds.ts";
import { rejecters } from "../slice/rejecters.ts";
import type { ResultVersion, ReviewIndex } from "../statement/review-index.ts";
import { type Dropped, unreadDropped } from "./dropped.ts";
import { type DeniedCommit, SHOWN_PATHS } from "./judge.ts";
import { Readers, versionKey } from "./readers.ts";
import { EVERYBODY, type Piece, unreadChanges } from "./reading.ts";
import type { PathChange } from "./trees.ts";
import { type Unread, unreadDenial } from "./unread.ts";

/** What a path is before and after a change, with the SHA-256 of its content where that was read. */
export interface BroughtChange extends PathChange {
  readonly before: ResultVersion | undefined;
  readonly after: ResultVersion | undefined;
  /** Under a rule with `bump`: a change of version and hash alone, to a source that the same author signed. */
  readonly bumped?: boolean;
}

/** What people approved and rejected, by content: see statement/review-index.ts. */
export interface Reviews {
  /** As it counts for what a commit brings: a retired reviewer's word counts in old commits. */
  at(commit: CommitId): Pick<ReviewIndex, "approvals" | "isReadFrom" | "isReadTo" | "against">;
}

/** How a commit that is not on the line came to be: from the line, by commits that the line did not reach there. */
export interface Detour {
  /** The newest commit of the line that it descends from; undefined: the introduction, or something before. */
  readonly left: CommitId | undefined;
  /** Everybody who had a part in a commit of the way, the last one included. */
  readonly range: ReadonlySet<PrincipalName>;
}

/** What a further parent of a merge changed since it and the parents before it parted. */
export interface Side {
  readonly changes: ReadonlyMap<string, BroughtChange>;
  /** Where they parted at a commit that is neither on the line nor before the introduction. */
  readonly offLine?: {
    /** What each of the changes begins with there, as what that commit brought. */
    readonly began: ReadonlyMap<string, BroughtChange>;
    /** How that commit came to be; undefined where it is not known. */
    readonly detour: () => Detour | undefined;
  };
}

/** A commit on the line of first parents and what it brings. */
export interface Step {
  readonly commit: CommitId;
  /** Everything that differs from its first parent. */
  readonly net: readonly BroughtChange[];
  /** Of a merge: the paths that it changes beyond merging. Undefined: no merge, so all of it is its own. */
  readonly own: ReadonlySet<string> | undefined;
  /** Those of `own` that are as Git merges them, and not as it would merge each path by itself. */
  readonly carried?: ReadonlySet<string>;
  /** Of a merge: what it merges into its first parent. Undefined: a side without one known base. */
  readonly sides: readonly (Side | undefined)[];
  /** Of a merge: paths of `own` that are as its first parent has them, and otherwise than another parent does. */
  readonly dropped?: readonly Dropped[];
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

/** Paths that a commit takes back to an earlier version, which a rule lets pass unread. */
export interface TakenBack {
  readonly commit: CommitId;
  /** Latin-1, at most `SHOWN_PATHS` of them. */
  readonly paths: readonly string[];
}

/**
 * Judges steps, oldest first, that together lead to the tip. `tell`: what it lets pass for no other reason than that a
 * rule lets changes be taken back.
 */
export function judgeReviews(
  policy: Policy,
  source: Source,
  steps: readonly Step[],
  reviews: Reviews,
  tell: (passed: TakenBack) => void = () => {},
): DeniedCommit[] {
  const suffices = memoized(policy);
  const readers = new Readers(source, steps, reviews, suffices);
  const missing = new Map<number, Unread[]>();
  const free = new Map<number, string[]>();
  for (const [path, { rule, review, changes }] of changesByPath(source, steps)) {
    const { step: last, change } = changes.at(-1)!;
    const said = reviews.at(steps[last]!.commit).against(path, change.before, change.after);
    const rejected = rejecters(said, { policy, source: source.name, path, by: review.by });
    if (rejected.length > 0 && !source.goodlist.has(steps[last]!.commit))
      listed(missing, last).push({ path, rule, review, have: NOBODY, rejected });
    const { pieces, causes } = readers.of(path, changes, review);
    const isMet = suffices(review);
    const unread = unreadChanges(changes.length, pieces, isMet);
    const back = review.reverts === "free" && unread.length > 0 ? takenBack(changes) : [];
    const left = back.length > 0 ? unreadChanges(changes.length, [...pieces, ...back], isMet) : unread;
    for (const at of left) {
      const cause = causes.get(at);
      const unread: Unread = { path, rule, review, have: someOf(pieces, at), rejected: [] };
      listed(missing, changes[at]!.step).push(cause === undefined ? unread : { ...unread, cause });
    }
    const passed = new Set(unread).difference(new Set(left));
    for (const at of passed) listed(free, changes[at]!.step).push(path);
  }
  for (const [i, step] of steps.entries()) {
    const dropped = unreadDropped(source, step, reviews, suffices);
    if (dropped.unread.length > 0) listed(missing, i).push(...dropped.unread);
    if (dropped.free.length > 0) listed(free, i).push(...dropped.free);
  }
  for (const [step, paths] of free) tell({ commit: steps[step]!.commit, paths: paths.slice(0, SHOWN_PATHS) });
  return [...missing]
    .sort(([a], [b]) => b - a)
    .map(([step, unread]) => unreadDenial(policy, source, steps[step]!, unread));
}

function listed<T>(lists: Map<number, T[]>, key: number): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
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

interface PathHistory {
  readonly rule: Rule;
  readonly review: ReviewRule;
  readonly changes: readonly { readonly step: number; readonly change: BroughtChange }[];
}

/** Every path whose rule asks for a review, with its changes, oldest first; under several rules once for each. */
function changesByPath(source: Source, steps: readonly Step[]): [string, PathHistory][] {
  const all = steps.flatMap(({ net }, step) => net.map((change) => ({ step, change })));
  const paths = Map.groupBy(all, ({ change }) => change.path);
  return [...paths].flatMap(([path, changes]) => {
    // One that led on for a while did so for who had the commits of that time.
    const leadsOn = changes.some(({ change }) => leadsOnIn(change.after?.mode));
    return rulesAt(path, source.rules, leadsOn).flatMap((rule): [string, PathHistory][] =>
      rule.review ? [[path, { rule, review: rule.review, changes }]] : [],
    );
  });
}

/** What comes back to a version that was there before, as one change with all between: it comes to nothing. */
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
