/** Of directories that were listed, odd names that no reading names, also those that were kept back. */
import type { SliceNames } from "@firstmile/trust/slice/names";
import { oddNames, type TreeName } from "@firstmile/trust/slice/names-reason";
import type { GatheredCase } from "./gather.ts";
import type { TreeNames } from "./tree-names.ts";

export function oddIn(
  told: readonly SliceNames[],
  tree: TreeNames,
  { names }: Pick<GatheredCase, "names">,
): TreeName[] {
  const listed = told.filter(({ kind }) => kind === "listing");
  return oddNames(
    listed.flatMap(({ path }) => tree.namesIn(path)),
    names,
  );
}
