/** What trust rests on, source by source: what evaluations read of it, and what speaks for each file. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import type { SliceFile } from "@firstmile/trust/slice/file";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { judgedPath } from "@firstmile/trust/slice/known-names";
import { contentOfNames, type SliceNames } from "@firstmile/trust/slice/names";
import type { JudgedNames } from "@firstmile/trust/slice/names-coverage";
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
  /** Listings and asked names. */
  readonly names: readonly JudgedNames[];
  readonly downloads: readonly JudgedDownload[];
}

/** What an admission notes of a source. */
export interface NotedSlice {
  readonly source: string;
  readonly commit: CommitId;
  readonly words: string;
  readonly files: readonly SliceFile[];
  /** Undefined: admitted before names were noted. */
  readonly names: readonly SliceNames[] | undefined;
}

/** Slices of one commit as one: what two attributes read is read once. */
export function joined(slices: readonly NotedSlice[]): NotedSlice[] {
  const groups = Map.groupBy(slices, ({ source, commit }) => `${source} ${commit}`);
  return [...groups.values()].map((same) => {
    const files = new Map(same.flatMap((one) => one.files.map((file) => [file.path, file] as const)));
    const words = [...new Set(same.map((one) => one.words))].join(", ");
    const told = same.flatMap(({ names = [] }) => names.map((one) => [keyOf(one), one] as const));
    const names = [...new Map(told).values()];
    return {
      ...same[0]!,
      words,
      files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
      names,
    };
  });
}

function keyOf(names: SliceNames): string {
  return `${judgedPath(names)} ${contentOfNames(names).sha256}`;
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
  { commit, words, files, names: told = [] }: NotedSlice,
): Promise<{ part: Omit<CoveredPart, "downloads">; gathered: GatheredCase }> {
  const { repository } = question;
  const gathered = await gatherCase({ ...question, commit });
  const judged = judgeFiles(gathered.coverage, files);
  const lines = await lineCounts(repository, judged);
  const counted = judged.map((one, i) => ({ ...one, lines: lines[i]! }));
  const names = gathered.names.judge(told);
  return { part: { repository, source: gathered.source, commit, words, files: counted, names }, gathered };
}
