/** Where trees are seen. */
import { lstatSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { MAX_TREES } from "./inode-table.ts";
import type { ViewTree } from "./view.ts";
import type { ViewDirectory } from "./view-directory.ts";
import { ViewError } from "./view-error.ts";

/** Throws `ViewError`. */
export function checkPlaces(trees: readonly ViewTree[]): void {
  if (trees.length === 0 || trees.length > MAX_TREES)
    throw new ViewError("view-misplaced", `a view has between 1 and ${MAX_TREES} trees`);
  for (const { at } of trees) {
    if (!isAbsolute(at) || normalize(at) !== at || at.endsWith("/"))
      throw new ViewError("view-misplaced", `${at}: not an absolute path without detours`);
  }
  for (const { at } of outermost(trees)) {
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found ? !found.isDirectory() : !isTemporary(at))
      throw new ViewError("view-misplaced", `${at} is no directory`, "name one, or a new one below $TMPDIR");
  }
}

/** Makes those that are not there yet, as long as the view is. */
export function makePlaces(trees: readonly ViewTree[], directory: ViewDirectory): void {
  for (const { at } of outermost(trees)) if (!isThere(at)) directory.makePlace(at);
}

/** Those whose place is not in another tree: there it has to be a directory of that tree. */
export function outermost(trees: readonly ViewTree[]): ViewTree[] {
  return trees.filter(({ at }) => !trees.some((other) => at.startsWith(`${other.at}/`)));
}

export function isThere(at: string): boolean {
  return lstatSync(at, { throwIfNoEntry: false }) !== undefined;
}

/** Where the kernel says that something at `at` is: links on the way are followed, as far as there is a way yet. */
export function realPlace(at: string): string {
  return isThere(at) ? realpathSync(at) : join(realPlace(dirname(at)), basename(at));
}

function isTemporary(at: string): boolean {
  const parent = lstatSync(dirname(at), { throwIfNoEntry: false });
  return (
    parent?.isDirectory() === true && `${realpathSync(dirname(at))}/`.startsWith(`${realpathSync(tmpdir())}/`)
  );
}
