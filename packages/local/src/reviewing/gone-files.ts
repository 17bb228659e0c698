/**
 * What went away from a slice since people read it: a part of what is read next, and of what is signed then.
 *
 * Claims: every file that people read, whose content counts by today's rules, and that the commit no longer has is
 * offered once, with its content; the statement names it as removed. Against: a check that is taken out beside a change
 * that a person reads. Leaves out: files that the tree still has and this evaluation does not read; they may belong to
 * another attribute.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ReviewedChange } from "@firstmile/formats/statement/review";
import { Beginnings, type CoveredContent } from "@firstmile/trust/slice/beginnings";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import { treeOf } from "../admission/tree-of.ts";
import { GitTree } from "../git/git-tree.ts";
import type { GitObjects } from "../git/objects.ts";
import { readContents } from "../nearest/read-contents.ts";
import { countLines } from "./measure.ts";

export interface GoneFile {
  /** Latin-1. */
  readonly path: string;
  /** As it was read last. */
  readonly before: CoveredContent;
  /** That go with it; undefined: its content is gone from here, so that it cannot be shown. */
  readonly lines: number | undefined;
  /** A path where the commit has the same content, so that its lines need not be shown. */
  readonly isAt: string | undefined;
}

export interface GoneCase {
  readonly objects: GitObjects;
  readonly coverage: SliceCoverage;
  readonly commit: CommitId;
  /** Which paths are asked about. */
  readonly isWanted: (path: string) => boolean;
}

/** In the order of paths. Throws `GitTreeError` where the tree cannot be read. */
export async function goneFiles({ objects, coverage, commit, isWanted }: GoneCase): Promise<GoneFile[]> {
  const last = new Map<string, CoveredContent>();
  for (const one of new Beginnings(coverage).all()) if (isWanted(one.path)) last.set(one.path, one);
  if (last.size === 0) return [];
  const tree = await GitTree.read(objects, await treeOf(objects, commit));
  const ids = new Set<string>([...last.values()].map(({ content }) => content.id));
  const places = new Map<string, string>();
  for (const { path, step } of tree.leaves()) {
    last.delete(path);
    if (ids.has(step.id)) places.set(step.id, path);
  }
  const gone = [...last.values()].filter(({ path, content }) => !coverage.approvals.isRemoved(path, content));
  gone.sort((a, b) => (a.path < b.path ? -1 : 1));
  const lines: (number | undefined)[] = [];
  const names = gone.map(({ content: { id, sha256 } }) => ({ id, sha256 }));
  await readContents(objects, names, (_, content) => {
    lines.push(typeof content === "string" ? undefined : countLines(content));
  });
  return gone.map((before, i) => ({
    path: before.path,
    before,
    lines: lines[i],
    isAt: places.get(before.content.id),
  }));
}

/** As a statement says it. */
export function removalOf({ path, before }: GoneFile): ReviewedChange {
  return { path, before: before.content, after: undefined };
}
