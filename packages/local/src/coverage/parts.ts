/** What trust rests on, source by source: what evaluations read of it, and what speaks for each file. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import type { SliceFile } from "@firstmile/trust/slice/file";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import type { JudgedDownload } from "../slicing/downloads.ts";
import { type GatheredCase, gatherCase } from "../slicing/gather.ts";
import { lineCounts, type SlicedFile } from "../slicing/slice-of.ts";
import type { StatementPlace } from "../statements/place.ts";

export interface CoveredPart {
  /** A Git repository that has the commit and its history. */
  readonly repository: string;
  readonly source: Source;
  readonly commit: CommitId;
  /** What was evaluated, in a person's words. */
  readonly words: string;
  readonly files: readonly SlicedFile[];
  readonly downloads: readonly JudgedDownload[];
}

/** What an admission notes of a source. */
export interface NotedSlice {
  readonly source: string;
  readonly commit: CommitId;
  readonly words: string;
  readonly files: readonly SliceFile[];
}

/** Slices of one commit as one: what two attributes read is read once. */
export function joined(slices: readonly NotedSlice[]): NotedSlice[] {
  const groups = Map.groupBy(slices, ({ source, commit }) => `${source} ${commit}`);
  return [...groups.values()].map((same) => {
    const files = new Map(same.flatMap((one) => one.files.map((file) => [file.path, file] as const)));
    const words = [...new Set(same.map((one) => one.words))].join(", ");
    return { ...same[0]!, words, files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)) };
  });
}

/** Judged by the rules as they are. Throws `RepositoryError`. */
export async function judgedPart(
  question: {
    readonly repository: string;
    readonly policy: ResolvedPolicy;
    readonly source: Source;
    readonly statements: readonly StatementPlace[];
    readonly now: number;
  },
  { commit, words, files }: NotedSlice,
): Promise<{ part: Omit<CoveredPart, "downloads">; gathered: GatheredCase }> {
  const { repository } = question;
  const gathered = await gatherCase({ ...question, commit });
  const judged = judgeFiles(gathered.coverage, files);
  const lines = await lineCounts(repository, judged);
  const counted = judged.map((one, i) => ({ ...one, lines: lines[i]! }));
  return { part: { repository, source: gathered.source, commit, words, files: counted }, gathered };
}
