/**
 * The covered content that a file is most like, at whichever path that lies.
 *
 * A change signed from a content of another path counts only under a rule with `anywhere`. For any other rule the
 * likeness shows a reader what is new in a file that they read whole.
 */
import { Beginnings, type CoveredContent } from "@firstmile/trust/slice/beginnings";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import type { GitObjects } from "../git/objects.ts";
import { NearestSigned } from "../nearest/nearest-signed.ts";

export class NearestBeginning {
  readonly #objects: GitObjects;
  readonly #beginnings: Beginnings;
  readonly #stateDir: string | undefined;
  readonly #covered = new Map<string, CoveredContent>();
  #signed: Promise<NearestSigned> | undefined;

  constructor(objects: GitObjects, beginnings: Beginnings, stateDir: string | undefined) {
    this.#objects = objects;
    this.#beginnings = beginnings;
    this.#stateDir = stateDir;
  }

  static of(objects: GitObjects, coverage: SliceCoverage, stateDir: string | undefined): NearestBeginning {
    return new NearestBeginning(objects, new Beginnings(coverage), stateDir);
  }

  /** What a change of `path` to this content may begin at and still count: one, or none. */
  async to(path: string, content: Uint8Array): Promise<CoveredContent[]> {
    const like = await this.like(path, content);
    return like && this.counts(path, like) ? [like] : [];
  }

  /** What it is most like, whether or not a change from there would count. */
  async like(path: string, content: Uint8Array): Promise<CoveredContent | undefined> {
    this.#signed ??= this.#open();
    const { likest } = await (await this.#signed).nearestTo({ path, content });
    return likest && this.#covered.get(keyOf(likest.path, likest.sha256));
  }

  counts(path: string, { content }: CoveredContent): boolean {
    return this.#beginnings.from(path, content) !== undefined;
  }

  /** Reads what was signed only where somebody asks. */
  #open(): Promise<NearestSigned> {
    const covered = this.#beginnings.all();
    for (const one of covered) this.#covered.set(keyOf(one.path, one.content.sha256), one);
    const blobs = covered.map(({ path, by, content: { id, sha256 } }) => ({ path, by, id, sha256 }));
    return NearestSigned.open({ objects: this.#objects, covered: blobs, stateDir: this.#stateDir });
  }
}

function keyOf(path: string, sha256: string): string {
  return `${path}\0${sha256}`;
}
