/**
 * What a command was told of the names of a tree in view, as a slice.
 *
 * Claims: left out is only what the rest implies. A name that was found is implied by what was opened or listed there,
 * by what was looked up below it, and by the listing of its directory; a name that was not found by that listing.
 */
import { isTreeName } from "@firstmile/formats/statement/listing";
import {
  directoryOf,
  inOrderOfPaths,
  nameOf,
  type SliceAnswer,
  type SliceListing,
  type SliceNames,
} from "@firstmile/trust/slice/names";
import type { AskedName, HiddenName, ViewRecord } from "../view/view.ts";

/** Of a tree that is in view once or several times: each listing and each answer once, in the order of paths. */
export function readNames(record: ViewRecord, trees: ReadonlySet<number>): SliceNames[] {
  const own = <T extends { readonly tree: number }>(all: readonly T[]) =>
    all.filter(({ tree }) => trees.has(tree));
  const listings = new Map<string, SliceListing>();
  for (const { path, entries } of own(record.directories))
    listings.set(path, { kind: "listing", path, entries });
  const asked = new Map(own(record.asked).map((one) => [one.path, one]));
  const used = new Set([...listings.keys(), ...own(record.files).map(({ path }) => path)]);
  for (const path of [...used, ...asked.keys()]) if (path !== "") used.add(directoryOf(path));
  const answers = [...asked.values()].filter((one) => isTold(one, listings, used)).map(answerOf);
  return [...listings.values(), ...answers].sort(inOrderOfPaths);
}

function isTold(
  { path, entry }: AskedName,
  listings: ReadonlyMap<string, SliceListing>,
  used: ReadonlySet<string>,
): boolean {
  if (listings.has(directoryOf(path))) return false;
  // Of a name that no tree can hold the answer is always the same.
  return entry === undefined ? isTreeName(nameOf(path)) : !used.has(path);
}

function answerOf({ path, entry }: AskedName): SliceAnswer {
  if (entry === undefined) return { kind: "answer", path, type: "-", version: undefined };
  const { type, mode, id } = entry;
  return { kind: "answer", path, type, version: type === "d" ? undefined : { mode, id } };
}

/** Names that were kept back, each once, in the order of paths. */
export function hiddenNames(record: ViewRecord, trees: ReadonlySet<number>): HiddenName[] {
  const own = record.hidden.filter(({ tree }) => trees.has(tree));
  return [...new Map(own.map((one) => [one.path, one])).values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
