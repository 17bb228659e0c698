/**
 * Who read the changes of a path that commits of the line bring, one by one or several as one. Claim: each person
 * named read exactly that, from a version that the line had, and had no part in it. Against: a review of a merged
 * branch that counts for what the merge itself changes, for a side without a known base, or on top of a version that
 * the line never had and no reviewer read. Left out: whether these people are enough (review.ts).
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import type { ReviewRule, Source } from "../policy/policy.ts";
import type { ResultVersion } from "../statement/review-index.ts";
import { type By, EVERYBODY, MAX_STRETCH, type Piece } from "./reading.ts";
import type { BroughtChange, Reviews, Side, Step } from "./review.ts";

/** A path's changes along the line, oldest first, each with the number of its step. */
export type PathChanges = readonly { readonly step: number; readonly change: BroughtChange }[];

/**
 * Why reviews that there may be do not count. `carried`, `own`: the merge itself changes the path. `unknown-side`: it
 * merges a side without one known base. `off-line`: a side was read from a version that the line never had.
 * `taken-back`: the path gets a version that it had before.
 */
export type UnreadCause = "carried" | "own" | "unknown-side" | "off-line" | "taken-back" | "dropped";

export interface Read {
  readonly pieces: readonly Piece[];
  /** By number of the change. */
  readonly causes: ReadonlyMap<number, UnreadCause>;
}

export class Readers {
  private readonly source: Source;
  private readonly steps: readonly Step[];
  private readonly reviews: Reviews;
  private readonly suffices: (review: ReviewRule) => (readers: ReadonlySet<PrincipalName>) => boolean;
  private readonly places: ReadonlyMap<CommitId, number>;

  /** `suffices`: whether people meet a rule's reviewers. */
  constructor(
    source: Source,
    steps: readonly Step[],
    reviews: Reviews,
    suffices: (review: ReviewRule) => (readers: ReadonlySet<PrincipalName>) => boolean,
  ) {
    this.source = source;
    this.steps = steps;
    this.reviews = reviews;
    this.suffices = suffices;
    this.places = new Map(steps.map(({ commit }, i) => [commit, i]));
  }

  of(path: string, changes: PathChanges, review: ReviewRule): Read {
    const pieces: Piece[] = [];
    const causes = new Map<number, UnreadCause>();
    const add = (from: number, to: number, by: By) => {
      if (by === EVERYBODY || by.size > 0) pieces.push({ from, to, by });
    };
    const line = new Line(changes, this.places);
    const keys = changes.map(({ change }) => versionKey(change.after));
    for (const [at, { step, change }] of changes.entries()) {
      line.reach(at);
      const bumped = review.bump !== undefined && change.bumped === true;
      const accepted = bumped || this.source.goodlist.has(this.steps[step]!.commit);
      const one = this.ofOne(step, change, review, line);
      add(at, at + 1, accepted ? EVERYBODY : one.by);
      const cause = one.cause ?? (line.had(change.after) ? "taken-back" : undefined);
      if (cause !== undefined) causes.set(at, cause);
      this.addStretches(path, changes, at, review.reverts === "free" ? undefined : keys, add);
    }
    return { pieces, causes };
  }

  private ofOne(index: number, change: BroughtChange, review: ReviewRule, line: Line): Counted {
    const { path, before, after } = change;
    const step = this.steps[index]!;
    const approved = this.reviews.at(step.commit).approvals(path, before, after);
    const took = partIn(step, path);
    if (step.own === undefined) return { by: without(approved, took) };
    if (step.own.has(path))
      return { by: without(approved, took), cause: step.carried?.has(path) ? "carried" : "own" };
    const sides = this.ofSides(step, path, review, line);
    const merger = review.mergeIsReview && step.merger !== undefined ? [step.merger] : [];
    return { ...sides, by: without(new Set([...approved, ...sides.by, ...merger]), took) };
  }

  /** Who read what every merged side did to the path, as the sides have it: merging them added nothing. */
  private ofSides({ commit, sides }: Step, path: string, review: ReviewRule, line: Line): Counted {
    if (sides.includes(undefined)) return { by: NOBODY, cause: "unknown-side" };
    const touching = sides.filter((side) => side?.changes.has(path));
    const each = touching.map((side) => this.ofSide(commit, side!, path, review, line));
    const [first = NOBODY, ...others] = each.map(({ by }) => by);
    const cause = each.find((side) => side.cause !== undefined)?.cause;
    const by = others.reduce((readers, more) => readers.intersection(more), first);
    return { by, ...(cause === undefined ? {} : { cause }) };
  }

  /** Where a side parted from the line beside it, only on a version that the line had, or that was read by itself. */
  private ofSide(
    commit: CommitId,
    { changes, offLine }: Side,
    path: string,
    review: ReviewRule,
    line: Line,
  ): Counted {
    const { before, after } = changes.get(path)!;
    const index = this.reviews.at(commit);
    const readers = index.approvals(path, before, after);
    if (offLine === undefined || line.had(before)) return { by: readers };
    const detour = offLine.detour();
    if (detour === undefined) return { by: NOBODY, cause: "off-line" };
    const began = offLine.began.get(path)?.after;
    const base = without(index.approvals(path, line.at(detour.left), began), detour.range);
    if (this.suffices(review)(base)) return { by: readers };
    return { by: readers.intersection(base), cause: "off-line" };
  }

  /**
   * A change that came in several commits may have been read as one: from the first's before to the last's after. Not
   * where the path gets a version again that it had on the way: who read how it first got it read nothing of the return.
   * `keys`: versions after each change; undefined: returns are free.
   */
  private addStretches(
    path: string,
    changes: PathChanges,
    from: number,
    keys: readonly string[] | undefined,
    add: (from: number, to: number, by: By) => void,
  ): void {
    const { step: first, change } = changes[from]!;
    // Whose word counts for a later commit counts for an earlier one: who read nothing from here is not asked again.
    if (!this.reviews.at(this.steps[first]!.commit).isReadFrom(path, change.before)) return;
    const took = new Set(this.partInAt(changes, from));
    const versions = new Set([versionKey(change.before), keys?.[from]]);
    for (let to = from + 1; to < Math.min(changes.length, from + MAX_STRETCH); to++) {
      for (const name of this.partInAt(changes, to)) took.add(name);
      const { step, change: last } = changes[to]!;
      if (keys && versions.has(keys[to])) return;
      versions.add(keys?.[to]);
      const readers = this.reviews.at(this.steps[step]!.commit).approvals(path, change.before, last.after);
      add(from, to + 1, without(readers, took));
    }
  }

  private partInAt(changes: PathChanges, at: number): ReadonlySet<PrincipalName> {
    const { step, change } = changes[at]!;
    return partIn(this.steps[step]!, change.path);
  }
}

interface Counted {
  readonly by: ReadonlySet<PrincipalName>;
  /** Why others are not among them. */
  readonly cause?: UnreadCause;
}

const NOBODY: ReadonlySet<PrincipalName> = new Set();

/** The versions that the line had of a path, up to the change that is looked at. */
class Line {
  private readonly changes: PathChanges;
  private readonly places: ReadonlyMap<CommitId, number>;
  private readonly versions = new Set<string>();
  private reached = 0;

  constructor(changes: PathChanges, places: ReadonlyMap<CommitId, number>) {
    this.changes = changes;
    this.places = places;
  }

  /** Goes on to the change of this number. */
  reach(at: number): void {
    this.reached = at;
    this.versions.add(versionKey(this.changes[at]!.change.before));
  }

  had(version: ResultVersion | undefined): boolean {
    return this.versions.has(versionKey(version));
  }

  /** The version at a commit of the line; undefined: at the introduction. */
  at(commit: CommitId | undefined): ResultVersion | undefined {
    const place = (commit && this.places.get(commit)) ?? -1;
    let next = this.reached;
    while (next > 0 && this.changes[next - 1]!.step > place) next--;
    return this.changes[next]!.change.before;
  }
}

/** The merger had a part in what the merge itself changes, and none in what it merely merges. */
export function partIn(step: Step, path: string): ReadonlySet<PrincipalName> {
  if (step.own === undefined || !step.own.has(path)) return step.range;
  return new Set([...step.range, ...step.mergers]);
}

export function versionKey(version: ResultVersion | undefined): string {
  return version === undefined ? "-" : `${version.mode} ${version.id}`;
}

function without(names: ReadonlySet<PrincipalName>, others: ReadonlySet<PrincipalName>): Set<PrincipalName> {
  return new Set([...names].filter((name) => !others.has(name)));
}
