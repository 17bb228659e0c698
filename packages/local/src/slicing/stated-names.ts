/**
 * What names told an evaluation, as statements say it: of each directory its listing, or the answers about single names.
 *
 * A listing says of every name whether it exists, so answers about the same directory are left out beside it.
 */
import { type AnswerType, type NamedEntry, sortedEntries } from "@firstmile/formats/statement/listing";
import type { StatedNames } from "@firstmile/formats/statement/names";
import { directoryOf, nameOf, type SliceNames } from "@firstmile/trust/slice/names";

/** Everything whole, sorted by the paths of directories. */
export function wholeNames(names: readonly SliceNames[]): StatedNames[] {
  const listings = names.filter((one) => one.kind === "listing");
  const stated = new Map<string, StatedNames>(listings.map((one) => [one.path, one]));
  for (const [path, answers] of answersByDirectory(names)) {
    if (!stated.has(path)) stated.set(path, { kind: "answers", path, answers });
  }
  return sortedByPath(stated.values());
}

export function sortedByPath(names: Iterable<StatedNames>): StatedNames[] {
  return [...names].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function answersByDirectory(names: readonly SliceNames[]): Map<string, NamedEntry<AnswerType>[]> {
  const answers = names.filter((one) => one.kind === "answer");
  const groups = Map.groupBy(answers, ({ path }) => directoryOf(path));
  return new Map(
    [...groups].map(([path, own]) => [
      path,
      sortedEntries(own.map(({ path: at, type }) => ({ name: nameOf(at), type }))),
    ]),
  );
}
