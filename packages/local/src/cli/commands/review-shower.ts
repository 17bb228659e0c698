/** Puts a piece of work before somebody: in their pager, or in their editor with room for a note. */
import type { CoveredContent } from "@firstmile/trust/slice/beginnings";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import { NearestBeginning } from "../../reviewing/nearest-beginning.ts";
import type { ReviewMaterial } from "../../reviewing/read-change.ts";
import type { ReviewWork } from "../../reviewing/work.ts";
import type { FirstmileContext } from "../context.ts";
import { editNote } from "./review-editor.ts";
import type { Interruption } from "./review-interruption.ts";
import { page } from "./review-pager.ts";
import { type Paper, type ShownWork, workText } from "./review-work-shown.ts";

/** Colours are for terminals. */
const PLAIN: Paper = { width: 100, style: (_, text) => text };

export class WorkShower {
  readonly #context: FirstmileContext;
  readonly #material: ReviewMaterial;
  readonly #coverage: SliceCoverage;
  readonly #nearest: NearestBeginning;

  constructor(context: FirstmileContext, material: ReviewMaterial, coverage: SliceCoverage) {
    this.#context = context;
    this.#material = material;
    this.#coverage = coverage;
    this.#nearest = NearestBeginning.of(material.objects, coverage, context.stateDir);
  }

  /** Throws `RepositoryError` where what would be signed cannot be read, or is not what it was judged as. */
  async read(work: ReviewWork): Promise<ShownWork> {
    const { path } = work.files[0]!.file;
    const people = this.#coverage.people(path, work.after);
    const change = await this.#material.files([{ path, before: work.before?.content, after: work.after }]);
    const like = work.before || work.binary ? undefined : await this.#like(path, work);
    if (like === undefined) return { work, people, change, like };
    const marked = await this.#material.files([{ path, before: like.content, after: work.after }]);
    return { work, people, change: marked, like };
  }

  page(shown: ShownWork, interruption: Interruption): Promise<void> {
    return page(this.#context, () => workText(this.#context.terminal, shown), interruption);
  }

  /** A note, where one was written. */
  edit(shown: ShownWork, interruption: Interruption): Promise<string | undefined> {
    return editNote(this.#context, workText(PLAIN, shown), interruption);
  }

  /** Something of another path, that does not count at this one. */
  async #like(path: string, { after }: ReviewWork): Promise<CoveredContent | undefined> {
    const object = await this.#material.objects.get(after.id);
    const like = object && (await this.#nearest.like(path, object.content));
    return like && !this.#nearest.counts(path, like) ? like : undefined;
  }
}
