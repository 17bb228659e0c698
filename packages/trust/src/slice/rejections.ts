/**
 * Who said no to a content.
 *
 * Claims: a no counts at its path from whichever content one comes there, for every source, whatever the mode, and also
 * where a machine said it or a person only looked it over; where a yes counts at any path, so does a no. Against: a
 * file that is moved to where it is not rejected, or made executable. Leaves out whose no is listened to. It is not
 * taken back by a yes of the same person: it is not known which of two statements is the later one.
 */
import type { FileVersion } from "@firstmile/formats/statement/review";
import type { Rejected, SignedReview } from "../statement/review-index.ts";

interface Rejection {
  readonly path: string;
  readonly rejected: Rejected;
}

const NONE: readonly Rejected[] = [];

export class Rejections {
  /** By Git's id alone, so that of two contents with one SHA-1 both are rejected. */
  readonly #byId = new Map<string, Rejection[]>();

  constructor(reviews: Iterable<SignedReview>) {
    for (const { review, by, spoken } of reviews) {
      if (review.verdict !== "reject") continue;
      const rejected = { by, ...(spoken && { spoken }) };
      for (const { path, after } of review.changes) if (after) this.#enter(after, { path, rejected });
    }
  }

  #enter({ id }: FileVersion, rejection: Rejection): void {
    const known = this.#byId.get(id);
    if (known) known.push(rejection);
    else this.#byId.set(id, [rejection]);
  }

  of(path: string, { id }: FileVersion, anywhere: boolean): readonly Rejected[] {
    const all = this.#byId.size === 0 ? undefined : this.#byId.get(id);
    if (!all) return NONE;
    return all.filter((one) => anywhere || one.path === path).map(({ rejected }) => rejected);
  }
}
