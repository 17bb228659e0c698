/**
 * Which of the files that were read Nix evaluated, and which it only took into derivations, by what Nix logs with -vv.
 * The log decides nothing: both kinds have to be covered alike, and what is not in it counts as taken in.
 *
 * An expression may be evaluated from a copy of its directory in the store: it is the file that the copy was made of.
 */
import type { SliceFile } from "@firstmile/trust/slice/file";

/** `treeDir`: where the tree was seen. */
export function withUses(files: readonly SliceFile[], log: string, treeDir: string): SliceFile[] {
  const evaluated = evaluatedPaths(log, treeDir);
  if (evaluated.size === 0) return [...files];
  return files.map((file) => ({ ...file, use: evaluated.has(file.path) ? "evaluated" : "copied" }));
}

/** Paths in the tree, Latin-1. */
function evaluatedPaths(log: string, treeDir: string): Set<string> {
  const copies = new Map<string, string>();
  const evaluated = new Set<string>();
  const inTree = (path: string) => {
    if (path.startsWith(`${treeDir}/`)) return path.slice(treeDir.length + 1);
    return path === treeDir ? "" : undefined;
  };
  for (const line of log.split("\n")) {
    const copied = COPIED.exec(line);
    const from = copied ? inTree(copied[1]!) : undefined;
    if (copied && from !== undefined) copies.set(copied[2]!, from);
    const path = EVALUATING.exec(line)?.[1];
    const own = path === undefined ? undefined : (inTree(path) ?? originOf(path, copies));
    if (own !== undefined) evaluated.add(Buffer.from(own, "utf8").toString("latin1"));
  }
  return evaluated;
}

const COPIED = /^(?:copied|copying) (?:source )?'([^']+)' (?:->|to) '([^']+)'/;
const EVALUATING = /^evaluating file '([^']+)'/;

function originOf(path: string, copies: ReadonlyMap<string, string>): string | undefined {
  const store = /^\/.*?\/[0-9a-df-np-sv-z]{32}-[^/]+/.exec(path)?.[0];
  const from = store === undefined ? undefined : copies.get(store);
  if (store === undefined || from === undefined) return undefined;
  const rest = path.slice(store.length + 1);
  return [from, rest].filter((part) => part !== "").join("/");
}
