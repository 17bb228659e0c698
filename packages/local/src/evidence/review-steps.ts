/**
 * What each commit on the line of first parents brings in, read from trees: the other half of what a review is asked
 * about, beside who had a part in it.
 */
import { createHash } from "node:crypto";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import type { BumpJudge } from "@firstmile/trust/handoff/bump";
import type { Docket } from "@firstmile/trust/history/authenticate";
import { neededSigners } from "@firstmile/trust/history/cosigners";
import type { Dropped } from "@firstmile/trust/history/dropped";
import type { OwnChanges } from "@firstmile/trust/history/judge";
import {
  detoursOf,
  type NeededSigners,
  type Part,
  partOfAll,
  partsOf,
} from "@firstmile/trust/history/ranges";
import type { BroughtChange, Detour, Side, Step } from "@firstmile/trust/history/review";
import type { PathChange } from "@firstmile/trust/history/trees";
import { isUnreadable, type Unreadable } from "@firstmile/trust/history/unreadable";
import { leadsOnIn, ruleFor, rulesAt } from "@firstmile/trust/policy/paths";
import type { Source } from "@firstmile/trust/policy/policy";
import type { ResultVersion } from "@firstmile/trust/statement/review-index";
import type { GitObject, GitObjects } from "../git/objects.ts";
import type { ChangeReader, MergedSide } from "./own-changes.ts";

export interface ReadSteps {
  /** Oldest first. */
  readonly steps: readonly Step[];
  readonly unreadable: ReadonlyMap<CommitId, Unreadable>;
}

/** What reviews give the SHA-256 of, by path. */
export interface SpokenOf {
  readonly paths: ReadonlySet<string>;
  /** Those where the content before is given too. */
  readonly pathsFrom: ReadonlySet<string>;
}

/** How many commits of the line are read at once. */
const AT_ONCE = 64;

export class StepReader {
  private readonly source: Source;
  private readonly docket: Docket;
  private readonly reader: ChangeReader;
  private readonly objects: GitObjects;
  /** Paths that any review speaks of: only their contents are hashed anew. */
  private readonly spokenOf: SpokenOf;
  /** Undefined: no rule lets a bump pass, or nothing was handed on that could be one. */
  private readonly bumps: BumpJudge | undefined;
  private readonly introduction: CommitId;
  private readonly onLine: ReadonlySet<CommitId>;
  private readonly detour: (to: CommitId) => Detour | undefined;
  private readonly needed: NeededSigners;
  private readonly own: ReadonlyMap<CommitId, OwnChanges | Unreadable>;

  /** `own`: as the reader gave it, of the commits that it was asked about. */
  constructor(
    source: Source,
    docket: Docket,
    reader: ChangeReader,
    objects: GitObjects,
    spokenOf: SpokenOf,
    bumps: BumpJudge | undefined,
    own: ReadonlyMap<CommitId, OwnChanges | Unreadable>,
  ) {
    this.own = own;
    this.needed = neededSigners(docket, own);
    this.source = source;
    this.docket = docket;
    this.reader = reader;
    this.objects = objects;
    this.spokenOf = spokenOf;
    this.bumps = bumps;
    this.introduction = source.introduction.commit as string as CommitId;
    this.onLine = new Set(docket.line);
    const { history, signatories, line } = docket;
    this.detour = detoursOf(history.commits, signatories, line, this.introduction, this.needed);
  }

  async read(): Promise<ReadSteps> {
    const { line } = this.docket;
    const parts = this.parts();
    const steps: Step[] = [];
    const unreadable = new Map<CommitId, Unreadable>();
    for (let end = line.length; end > 0; end -= AT_ONCE) {
      const ids = line.slice(Math.max(0, end - AT_ONCE), end).reverse();
      const read = await Promise.all(ids.map((id) => this.step(id, parts.get(id)!)));
      for (const [i, step] of read.entries()) {
        if (isUnreadable(step)) unreadable.set(ids[i]!, step);
        else steps.push(step);
      }
    }
    return { steps, unreadable };
  }

  private parts(): Map<CommitId, Part> {
    const { history, signatories, line } = this.docket;
    if (this.source.authenticate !== "tip") return partsOf(history.commits, signatories, line, this.needed);
    const { commits, tip } = history;
    return new Map(line.map((id) => [id, partOfAll(commits, signatories, tip, this.needed)]));
  }

  private async step(commit: CommitId, part: Part): Promise<Step | Unreadable> {
    const net = await this.reader.brought(commit, this.against());
    if (isUnreadable(net)) return net;
    const asked = net.filter(({ path, after }) => this.asksFor(path, leadsOnIn(after?.mode)));
    const plain = {
      commit,
      ...part,
      net: await this.withBumps(await this.hashed(asked)),
      own: undefined,
      sides: [],
    };
    const { history } = this.docket;
    const isMerge = history.commits.parentCount(history.commits.row(commit)) > 1;
    if (!isMerge || this.source.authenticate === "tip") return plain;
    if (asked.length === 0 && !(await this.mayDrop(commit))) return plain;
    const merge = await this.reader.merged(commit, asked.length > 0, this.own.get(commit));
    if (isUnreadable(merge)) return merge;
    const own = new Set(merge.own);
    // What Git carries elsewhere is not left out: where it goes to is read.
    const told = new Set([...merge.carried, ...net.map(({ path }) => path)]);
    const dropped = await this.dropped(commit, own.difference(told));
    if (isUnreadable(dropped)) return dropped;
    const sides = await Promise.all(merge.sides.map((side) => side && this.side(side)));
    return { ...plain, own, carried: new Set(merge.carried), sides, dropped };
  }

  /** Whether a merge has a path otherwise than a further parent, of those that reviews speak of. */
  private async mayDrop(commit: CommitId): Promise<boolean> {
    const { paths } = this.spokenOf;
    if (paths.size === 0) return false;
    for (const parent of this.reader.furtherParents(commit)) {
      const net = await this.reader.brought(commit, { commit: parent });
      if (isUnreadable(net) || net.some(({ path }) => paths.has(path) && this.asksFor(path, true)))
        return true;
    }
    return false;
  }

  private asksFor(path: string, leadsOn: boolean): boolean {
    return rulesAt(path, this.source.rules, leadsOn).some(({ review }) => review);
  }

  /** Of these paths, which are as the first parent has them, the changes from what the other parents have. */
  private async dropped(commit: CommitId, paths: ReadonlySet<string>): Promise<Dropped[] | Unreadable> {
    const asked = new Set([...paths].filter((path) => this.asksFor(path, true)));
    if (asked.size === 0) return [];
    const found: Dropped[] = [];
    for (const parent of this.reader.furtherParents(commit)) {
      const net = await this.reader.brought(commit, { commit: parent });
      if (isUnreadable(net)) return net;
      const changes = await this.hashed(net.filter(({ path }) => asked.has(path)));
      found.push(...changes.map((change) => ({ parent, change })));
    }
    return found;
  }

  private async side({ base, changes }: MergedSide): Promise<Side> {
    const side = byPath(await this.hashed(changes));
    if (this.onLine.has(base) || this.docket.history.isBefore(base)) return { changes: side };
    const began = changes.map(({ path, before }) => ({ path, before: undefined, after: before }));
    return {
      changes: side,
      offLine: { began: byPath(await this.hashed(began)), detour: () => this.detour(base) },
    };
  }

  private against() {
    return this.source.authenticate === "tip" ? { commit: this.introduction } : ("first-parent" as const);
  }

  /** With what changes version and hash alone marked as that, under rules that let it pass. */
  private async withBumps(changes: readonly BroughtChange[]): Promise<readonly BroughtChange[]> {
    const { bumps } = this;
    if (!bumps) return changes;
    const possible = changes.filter((change) => isPossibleBump(change, this.source));
    const blobs = await this.objects.getReadable(
      possible.flatMap(({ before, after }) => [before!.id, after!.id]),
    );
    const bumped = new Set(
      possible.filter(({ before, after }, i) => {
        const [old, fresh] = [contentOf(before!.id, blobs[2 * i]), contentOf(after!.id, blobs[2 * i + 1])];
        return old !== undefined && fresh !== undefined && bumps.judge(old, fresh).safe;
      }),
    );
    return changes.map((change) => (bumped.has(change) ? { ...change, bumped: true } : change));
  }

  /** With the SHA-256 of what is read, so that a review of it holds for these bytes and not for a SHA-1. */
  private async hashed(changes: readonly PathChange[]): Promise<BroughtChange[]> {
    const { paths, pathsFrom } = this.spokenOf;
    const named = changes.flatMap(({ path, before, after }) => [
      ...(after && paths.has(path) ? [after] : []),
      ...(before && pathsFrom.has(path) ? [before] : []),
    ]);
    const spoken = named.filter((version) => !isSubmodule(version));
    const blobs = await this.objects.getReadable(spoken.map(({ id }) => id));
    const digests = new Map(spoken.map((version, i) => [version, sha256(version.id, blobs[i]?.content)]));
    const told = (version: ResultVersion | undefined) => {
      const digest = version && digests.get(version);
      return version && digest !== undefined ? { ...version, sha256: digest } : version;
    };
    return changes.map((change) => ({ ...change, before: told(change.before), after: told(change.after) }));
  }
}

const SUBMODULE = 0o160000;

function isSubmodule({ mode }: { readonly mode: number }): boolean {
  return mode === SUBMODULE;
}

/** The same file, before and after, where the rule of its path has `bump`. */
function isPossibleBump({ path, before, after }: BroughtChange, { rules }: Source): boolean {
  const isFile = before?.mode === after?.mode && (before?.mode === 0o100644 || before?.mode === 0o100755);
  return isFile && ruleFor(path, rules)?.review?.bump !== undefined;
}

/** Undefined where the bytes are missing, or others than their name says. */
function contentOf(id: ObjectId, object: GitObject | undefined): Buffer | undefined {
  if (object?.type !== "blob" || hashObject("blob", object.content, objectHashOf(id)) !== id)
    return undefined;
  return object.content;
}

/** No digest at all of bytes that are missing or others than their name says. */
function sha256(id: ObjectId, content: Uint8Array | undefined): string {
  if (!content || hashObject("blob", content, objectHashOf(id)) !== id) return "unreadable";
  return createHash("sha256").update(content).digest("hex");
}

function byPath(changes: readonly BroughtChange[]): Map<string, BroughtChange> {
  return new Map(changes.map((change) => [change.path, change]));
}
