/** Of what is left to read, what one person's reading would count for, and why the rest is not theirs. */
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import type { ReviewWork } from "./work.ts";

export interface ForReader {
  readonly mine: readonly ReviewWork[];
  /** They have read it, had a part in it, or are not asked by its rule. */
  readonly others: Readonly<Record<"read" | "wrote" | "notAsked", readonly ReviewWork[]>>;
}

export function forReader(
  work: readonly ReviewWork[],
  coverage: SliceCoverage,
  name: PrincipalName,
): ForReader {
  const groups = Object.groupBy(work, (one) => partOf(one, coverage, name));
  const { mine = [], read = [], wrote = [], notAsked = [] } = groups;
  return { mine, others: { read, wrote, notAsked } };
}

function partOf({ files }: ReviewWork, coverage: SliceCoverage, name: PrincipalName) {
  const people = files.map(({ file }) => coverage.people(file.path, file));
  if (people.some(({ left }) => left.includes(name))) return "mine";
  if (people.some(({ have }) => have.includes(name))) return "read";
  return people.some(({ wrote }) => wrote.includes(name)) ? "wrote" : "notAsked";
}
