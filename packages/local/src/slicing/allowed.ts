/** What a view may show of a tree: for each file the contents that evidence covers, and the names that it covers. */

import type { GitTree } from "../git/git-tree.ts";
import type { ViewRules } from "../view/view.ts";
import { existingIn } from "./existing.ts";
import type { GatheredCase } from "./gather.ts";
import { modeOf } from "./published.ts";

/** For people to look at: every content, and new names only where they decide something. */
export function observing(tree: GitTree, { names }: Pick<GatheredCase, "names">): ViewRules {
  return { kind: "observe", names: existingIn(tree, names) };
}

/** `names`: undefined where every name is to exist, with uncovered contents held back. */
export function allowedIn(
  tree: GitTree,
  { coverage, names }: Pick<GatheredCase, "coverage"> & Partial<Pick<GatheredCase, "names">>,
): ViewRules {
  const allowed = new Map<string, readonly string[] | "any">();
  for (const { path, step } of tree.leaves()) {
    if (step.kind === "submodule") continue;
    const contents = coverage.allowed(path, { id: step.id, mode: modeOf(step) });
    if (contents === "any" || contents.length > 0) allowed.set(path, contents);
  }
  return { kind: "enforce", allowed, names: names && existingIn(tree, names) };
}
