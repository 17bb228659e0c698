/** Puts a piece of work before somebody: in their pager, or in their editor with room for a note. */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { CoveredContent } from "@firstmile/trust/slice/beginnings";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import type { GoneFile } from "../../reviewing/gone-files.ts";
import { measure } from "../../reviewing/measure.ts";
import { type NamesWork, namesLines } from "../../reviewing/names-work.ts";
import { NearestBeginning } from "../../reviewing/nearest-beginning.ts";
import type { ReadChange, ReviewMaterial } from "../../reviewing/read-change.ts";
import { fitted } from "../../reviewing/rows.ts";
import type { ReviewWork } from "../../reviewing/work.ts";
import type { FirstmileContext } from "../context.ts";
import { wrap } from "../terminal.ts";
import { editNote } from "./review-editor.ts";
import type { Interruption } from "./review-interruption.ts";
import { page } from "./review-pager.ts";
import { namesSize } from "./review-sitting-shown.ts";
import { goneText, type Paper, type ShownWork, workText } from "./review-work-shown.ts";

/** Columns that an editor may take for itself: numbers of lines, and signs. */
const OF_EDITOR = 8;

/** Colours are for terminals, and no editor shall cut a row off. */
function paperFor(columns: number): Paper {
  return { width: Math.min(columns, 100) - OF_EDITOR, style: (_, text) => text, forEditor: true };
}

export class WorkShower {
  readonly #context: FirstmileContext;
  readonly #material: ReviewMaterial;
  readonly #coverage: SliceCoverage;
  readonly #nearest: NearestBeginning;
  readonly #changes = new Map<ReviewWork | GoneFile, ReadChange>();

  constructor(context: FirstmileContext, material: ReviewMaterial, coverage: SliceCoverage) {
    this.#context = context;
    this.#material = material;
    this.#coverage = coverage;
    this.#nearest = NearestBeginning.of(material.objects, coverage, context.stateDir);
  }

  /**
   * Takes in whatever will be shown and signed: nothing that happens to the repository later makes a difference. Throws
   * `RepositoryError` where some of it cannot be read, or is not what it was judged as.
   */
  async takeIn(work: readonly ReviewWork[], gone: readonly GoneFile[]): Promise<void> {
    const changes = await this.#material.files([
      ...work.map(({ files, before, after }) => ({
        path: files[0]!.file.path,
        before: before?.content,
        after,
      })),
      ...gone.map(({ path, before }) => ({ path, before: before.content, after: undefined })),
    ]);
    for (const [i, one] of [...work, ...gone].entries()) this.#changes.set(one, changes[i]!);
  }

  page(
    work: readonly ReviewWork[],
    names: readonly NamesWork[],
    gone: readonly GoneFile[],
    interruption: Interruption,
  ): Promise<void> {
    const { terminal } = this.#context;
    return page(this.#context, () => this.#text(work, terminal, names, gone), interruption);
  }

  /** A note, where one was written. */
  edit(work: ReviewWork, interruption: Interruption): Promise<string | undefined> {
    return editNote(this.#context, this.#text([work], paperFor(this.#context.terminal.width)), interruption);
  }

  async *#text(
    work: readonly ReviewWork[],
    paper: Paper,
    names: readonly NamesWork[] = [],
    gone: readonly GoneFile[] = [],
  ): AsyncGenerator<string> {
    if (names.length > 0) yield `\n${paper.style("bold", namesSize(names))}\n\n`;
    for (const line of namesLines(names)) {
      const own = /^ */.exec(line)![0];
      const [first, ...rest] = wrap(line.slice(own.length), paper.width - own.length - 2, "    ").split("\n");
      for (const row of [first!, ...rest]) yield `${fitted(`  ${own}${row}`, paper.width)}\n`;
    }
    for (const one of gone) yield* goneText(paper, one, this.#changes.get(one)!);
    for (const one of work) yield* workText(paper, await this.#shown(one));
  }

  async #shown(work: ReviewWork): Promise<ShownWork> {
    const { path } = work.files[0]!.file;
    const people = this.#coverage.people(path, work.after);
    const like = work.before || work.binary ? undefined : await this.#like(path, work);
    const plain = this.#changes.get(work)!;
    // From a content that is the very same nothing would differ, and so nothing would be shown.
    if (like === undefined || like.content.id === work.after.id) return { work, people, change: plain, like };
    const [change] = await this.#material.files([{ path, before: like.content, after: work.after }]);
    return { work, people, change: change!, like };
  }

  /** Something of another path, that does not count at this one. Nor a binary: Git would not show what differs from it. */
  async #like(path: string, { after }: ReviewWork): Promise<CoveredContent | undefined> {
    const content = await this.#content(after.id);
    const like = content && (await this.#nearest.like(path, content));
    if (!like || this.#nearest.counts(path, like)) return undefined;
    const other = await this.#content(like.content.id);
    return other && !measure(other).binary ? like : undefined;
  }

  async #content(id: ObjectId): Promise<Buffer | undefined> {
    return (await this.#material.objects.get(id))?.content;
  }
}
