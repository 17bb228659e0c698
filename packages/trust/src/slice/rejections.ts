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

const NOBODY: People = new Set();

export class Rejections {
  readonly #atPath = new Map<string, Set<PrincipalName>>();
  readonly #anywhere = new Map<string, Set<PrincipalName>>();

  constructor(reviews: Iterable<SignedReview>) {
    for (const { review, by } of reviews) {
      if (review.verdict !== "reject") continue;
      for (const { path, after } of review.changes) {
        if (after === undefined) continue;
        enter(this.#atPath, `${path}\0${versionKey(after)}`, by);
        enter(this.#anywhere, versionKey(after), by);
      }
    }
  }

  of(path: string, version: FileVersion, anywhere: boolean): People {
    const key = versionKey(version);
    return (anywhere ? this.#anywhere.get(key) : this.#atPath.get(`${path}\0${key}`)) ?? NOBODY;
  }
}

function enter(map: Map<string, Set<PrincipalName>>, key: string, by: People): void {
  const known = map.get(key) ?? new Set();
  for (const name of by) known.add(name);
  map.set(key, known);
}

/** By Git's id alone, so that of two contents with one SHA-1 both are rejected. */
function versionKey({ mode, id }: FileVersion): string {
  return `${mode.toString(8)} ${id}`;
}
