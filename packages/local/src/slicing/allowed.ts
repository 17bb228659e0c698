/** What a view may show of a tree: for each file the contents that evidence covers. */

import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import type { GitTree } from "../git/git-tree.ts";
import type { ViewRules } from "../view/view.ts";
import { modeOf } from "./published.ts";

export function allowedIn(tree: GitTree, coverage: SliceCoverage): ViewRules {
  const allowed = new Map<string, readonly string[] | "any">();
  for (const { path, step } of tree.leaves()) {
    if (step.kind === "submodule") continue;
    const contents = coverage.allowed(path, { id: step.id, mode: modeOf(step) });
    if (contents === "any" || contents.length > 0) allowed.set(path, contents);
  }
  return { kind: "enforce", allowed };
}
