/**
 * What of a tree exists for an evaluation that is to see only what is covered.
 *
 * Claims: an entry exists where its name is covered, a directory where anything below it exists. Unread names
 * are hidden from the evaluation, whatever content they have. Against: a name that decides a derivation unread.
 */
import type { NamesCoverage } from "@firstmile/trust/slice/names-coverage";
import type { GitTree } from "../git/git-tree.ts";
import { TreeNames } from "./tree-names.ts";

type Kind = "listed" | "found";

/** By path in Latin-1, as a view takes it. */
export function existingIn(tree: GitTree, names: NamesCoverage): ReadonlyMap<string, Kind> {
  const found = new Map<string, Kind>();
  enter("", new TreeNames(tree), names, found);
  return found;
}

/** The most that exists in a directory. */
function enter(
  directory: string,
  tree: TreeNames,
  names: NamesCoverage,
  found: Map<string, Kind>,
): Kind | undefined {
  let most: Kind | undefined;
  for (const { path, type, version } of tree.namesIn(directory)) {
    const own = names.existence(path, type, version)?.kind;
    const kind = more(own, type === "d" ? enter(path, tree, names, found) : undefined);
    if (kind !== undefined) found.set(path, kind);
    most = more(most, kind);
  }
  return most;
}

function more(a: Kind | undefined, b: Kind | undefined): Kind | undefined {
  return a === "listed" || b === "listed" ? "listed" : (a ?? b);
}
