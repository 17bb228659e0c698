/**
 * Who said no to a content.
 *
 * Claims: a no counts at its path from whichever content one comes there, for every source, and also where a machine
 * said it or somebody only looked it over; where a yes counts at any path, so does a no. Against: a file that is moved
 * to where nobody has rejected it. Leaves out whose no is listened to. It is not taken back by a yes of the same
 * person: nobody knows which of two statements is the later one.
 */
import type { FileVersion } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "../policy/names.ts";
import type { SignedReview } from "../statement/review-index.ts";

type People = ReadonlySet<PrincipalName>;

interface Rejection {
  readonly path: string;
  readonly mode: number;
  readonly by: People;
}

const NOBODY: People = new Set();

export class Rejections {
  /** By Git's id alone, so that of two contents with one SHA-1 both are rejected. */
  readonly #byId = new Map<string, Rejection[]>();

  constructor(reviews: Iterable<SignedReview>) {
    for (const { review, by } of reviews) {
      if (review.verdict !== "reject") continue;
      for (const { path, after } of review.changes) if (after) this.#enter(after, path, by);
    }
  }

  #enter({ id, mode }: FileVersion, path: string, by: People): void {
    const known = this.#byId.get(id);
    if (known) known.push({ path, mode, by });
    else this.#byId.set(id, [{ path, mode, by }]);
  }

  of(path: string, { id, mode }: FileVersion, anywhere: boolean): People {
    const all = this.#byId.size === 0 ? undefined : this.#byId.get(id);
    if (!all) return NOBODY;
    const meant = all.filter((one) => one.mode === mode && (anywhere || one.path === path));
    return new Set(meant.flatMap(({ by }) => [...by]));
  }
}
