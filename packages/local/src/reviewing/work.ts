/**
 * What is left to read of some files: of each the least that somebody has to see so that their word counts.
 *
 * Claims: a file is offered as a change only from a content that is covered for it by today's rules, or waived by name
 * where it is open, that is here, and that has the digests that were signed; otherwise whole. Files of one content that begin at one content are read
 * once. Against: a review of content that the repository lacks, by which a reader would be shown a change from nothing.
 * Leaves out: who is to read it.
 */

import { linkDefect } from "@firstmile/formats/git/link-target";
import { withoutBlanks } from "@firstmile/trust/nearest/ladder";
import { type Content, contentKey } from "@firstmile/trust/slice/approvals";
import { Beginnings, type CoveredContent } from "@firstmile/trust/slice/beginnings";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import type { JudgedFile } from "@firstmile/trust/slice/judged";
import type { GitObjects } from "../git/objects.ts";
import { readContents, type Unreadable } from "../nearest/read-contents.ts";
import { changedLines, type LongLine, measure } from "./measure.ts";
import { NearestBeginning } from "./nearest-beginning.ts";

export interface ReviewWork {
  /** Files of this content under one rule, in the order of paths; at least one. */
  readonly files: readonly JudgedFile[];
  readonly after: Content;
  /** What it is a change from; undefined: it is read whole. */
  readonly before: CoveredContent | undefined;
  /** To read: of a change those that go and those that come. */
  readonly lines: number;
  /** Of the whole content. */
  readonly wholeLines: number;
  readonly bytes: number;
  /** As Git tells: a diff does not show it. */
  readonly binary: boolean;
  /** Of the whole content. */
  readonly longest: LongLine;
  /** A change that takes away or adds spaces and tabs within lines, and nothing else. */
  readonly spaceOnly: boolean;
}

export interface FoundWork {
  /** The smallest first. */
  readonly work: readonly ReviewWork[];
  /** Files that cannot be read here, so that nobody can be shown what they would sign. */
  readonly unreadable: readonly { readonly file: JudgedFile; readonly why: Unreadable | "bad-link" }[];
  /** Contents that were read and signed, and that are no longer here to begin at. */
  readonly gone: readonly CoveredContent[];
}

export interface WorkOptions {
  readonly objects: GitObjects;
  readonly coverage: SliceCoverage;
  /** Where sketches of files are remembered. */
  readonly stateDir: string | undefined;
}

/** Rejects where Git cannot be asked. */
export async function findWork(files: readonly JudgedFile[], options: WorkOptions): Promise<FoundWork> {
  return new WorkFinder(options).find(files);
}

const LINK = 0o120000;

class WorkFinder {
  readonly #objects: GitObjects;
  readonly #coverage: SliceCoverage;
  readonly #beginnings: Beginnings;
  readonly #nearest: NearestBeginning;
  readonly #gone = new Map<string, CoveredContent>();

  constructor({ objects, coverage, stateDir }: WorkOptions) {
    this.#objects = objects;
    this.#coverage = coverage;
    this.#beginnings = new Beginnings(coverage);
    this.#nearest = new NearestBeginning(objects, this.#beginnings, stateDir);
  }

  async find(files: readonly JudgedFile[]): Promise<FoundWork> {
    const unreadable: { file: JudgedFile; why: Unreadable | "bad-link" }[] = [];
    const work: ReviewWork[] = [];
    // One after the other, so that no more than one file and what it may come from is in memory.
    for (const file of files) {
      const content = await this.#read(file.file);
      if (typeof content === "string") unreadable.push({ file, why: content });
      else if (file.file.mode === LINK && linkDefect(content)) unreadable.push({ file, why: "bad-link" });
      else work.push(await this.#workOn(file, content));
    }
    return { work: this.#together(work).sort(bySize), unreadable, gone: [...this.#gone.values()] };
  }

  /** One piece of work for what is the same to read, and asked of the same people. */
  #together(work: readonly ReviewWork[]): ReviewWork[] {
    const groups = Map.groupBy(work, ({ after, before, files: [one] }) =>
      [
        contentKey(after),
        before === undefined ? "" : contentKey(before.content),
        one!.rule?.line,
        JSON.stringify(this.#coverage.people(one!.file.path, after)),
      ].join("\0"),
    );
    return [...groups.values()].map((same) => ({ ...same[0]!, files: same.flatMap(({ files }) => files) }));
  }

  async #workOn(judged: JudgedFile, content: Buffer): Promise<ReviewWork> {
    const { mode, id, sha256 } = judged.file;
    const whole = measure(content);
    const work = {
      files: [judged],
      after: { mode, id, sha256 },
      before: undefined,
      wholeLines: whole.lines,
      spaceOnly: false,
      ...whole,
    };
    const changes = await this.#changes(judged, content);
    const least = changes.sort((a, b) => a.lines - b.lines)[0];
    return least && least.lines < whole.lines ? { ...work, ...least } : work;
  }

  /** Contents that it may be read from, with how much each leaves. */
  async #changes({ file, rule, standing }: JudgedFile, content: Buffer) {
    const starts = this.#beginnings.at(file.path);
    if (rule?.review?.anywhere) starts.push(...(await this.#nearest.to(file.path, content)));
    const read = await this.#changesFrom(starts, file, content);
    // On what is waived rests only what is let through for now: not what nobody needs to read for that.
    if (read.length > 0 || standing.kind !== "uncovered") return read;
    return this.#changesFrom(this.#beginnings.waivedAt(file.path, file.mode), file, content);
  }

  async #changesFrom(starts: readonly CoveredContent[], file: JudgedFile["file"], content: Buffer) {
    const found: { before: CoveredContent; lines: number; spaceOnly: boolean }[] = [];
    const others = starts.filter((one) => contentKey(one.content) !== contentKey(file));
    for (const before of others) {
      const old = await this.#read(before.content);
      if (typeof old === "string") this.#gone.set(`${before.path}\0${before.content.sha256}`, before);
      if (typeof old === "string") continue;
      const lines = changedLines(old, content);
      const spaceOnly = lines !== 0 && Buffer.compare(withoutBlanks(old), withoutBlanks(content)) === 0;
      if (lines !== undefined) found.push({ before, lines, spaceOnly });
    }
    return found;
  }

  async #read(name: { readonly id: Content["id"]; readonly sha256: string }): Promise<Buffer | Unreadable> {
    let found: Buffer | Unreadable = "gone";
    await readContents(this.#objects, [name], (_, content) => {
      found = content;
    });
    return found;
  }
}

/** What holds something up before what is only waived for now; then what is read soonest. */
export function bySize(a: ReviewWork, b: ReviewWork): number {
  const waived = (work: ReviewWork) => (isWaived(work) ? 1 : 0);
  const path = ({ files }: ReviewWork) => files[0]!.file.path;
  return waived(a) - waived(b) || a.lines - b.lines || a.bytes - b.bytes || (path(a) < path(b) ? -1 : 1);
}

export function isWaived({ files }: ReviewWork): boolean {
  return files.every(({ standing }) => standing.kind === "waived");
}

/** Whether reading it may lift it: nobody speaks against it, and a rule asks for readers. */
export function isOpen({ standing }: JudgedFile): boolean {
  return standing.kind === "uncovered" || standing.kind === "waived";
}
