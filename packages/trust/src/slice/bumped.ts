/**
 * Files that differ by a version and a hash alone from contents that people read: to the same author's next release.
 *
 * Claims: such a file passes where the rule of its path lets bumps pass, and only while the content it comes from is
 * covered. A chain of bumps needs no reader in between: the last one is one itself. Leaves out whether a change is such a
 * bump (handoff/bump.ts).
 */
import type { FileVersion } from "@firstmile/formats/statement/review";
import { ruleFor } from "../policy/paths.ts";
import type { Source } from "../policy/policy.ts";
import { type Approvals, type Content, contentKey } from "./approvals.ts";

export interface BumpedFile {
  readonly content: Content;
  readonly from: readonly BumpedFrom[];
}

export interface BumpedFrom {
  readonly before: Content;
  /** One phrase for a person. */
  readonly because: string;
}

/** A file that nobody read as it is, with what people read at its path before. */
export interface BumpCandidate<File> {
  readonly file: File;
  readonly before: readonly Content[];
}

/** Contents of one path that are looked at, the last ones named: more than a file has versions that somebody read. */
const MOST_VERSIONS = 64;

/** Whether any rule of the source lets bumps pass. */
export function takesBumps({ rules }: Source): boolean {
  return rules.some(({ review }) => review?.bump !== undefined);
}

/** Of the files of a commit, those that could be bumps. Paths in Latin-1. */
export function bumpCandidates<File extends FileVersion & { readonly path: string }>(
  source: Source,
  approvals: Approvals,
  files: Iterable<File>,
): BumpCandidate<File>[] {
  const read = new Map<string, Content[]>();
  for (const { content, paths } of approvals.contents()) {
    for (const path of paths) read.set(path, [...(read.get(path) ?? []), content].slice(-MOST_VERSIONS));
  }
  return [...files].flatMap((file) => {
    if (ruleFor(file.path, source.rules)?.review?.bump === undefined) return [];
    const before = (read.get(file.path) ?? []).filter(({ mode, id }) => mode === file.mode && id !== file.id);
    return before.length === 0 ? [] : [{ file, before }];
  });
}

/** Why a content passes as a bump; undefined: it does not. */
export function bumpReason(
  bumped: BumpedFile | undefined,
  content: Content,
  isCovered: (content: Content) => boolean,
): string | undefined {
  if (!bumped || contentKey(bumped.content) !== contentKey(content)) return undefined;
  return bumped.from.find(({ before }) => isCovered(before))?.because;
}
