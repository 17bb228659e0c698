/** The files of a slice with what each comes to, counted by rule for people and programs. */
import type { Rule, Source } from "../policy/policy.ts";
import { type FileStanding, passes, type SliceCoverage } from "./cover.ts";
import type { SliceFile } from "./file.ts";

export interface JudgedFile {
  readonly file: SliceFile;
  readonly rule: Rule | undefined;
  readonly standing: FileStanding;
}

/** How many files of which standing; `derived` are among those `read`. */
export type StandingCounts = Readonly<Record<FileStanding["kind"] | "derived", number>>;

export interface RuleCounts {
  /** Undefined: files that no rule covers. */
  readonly rule: Rule | undefined;
  readonly files: number;
  readonly counts: StandingCounts;
}

export function judgeFiles(coverage: SliceCoverage, files: readonly SliceFile[]): JudgedFile[] {
  return files.map((file) => ({
    file,
    rule: coverage.ruleOf(file.path),
    standing: coverage.standing(file.path, file),
  }));
}

export function failing(judged: readonly JudgedFile[]): JudgedFile[] {
  return judged.filter(({ standing }) => !passes(standing));
}

/** In the order of the policy, without rules that no file came under. */
export function countByRule(source: Source, judged: readonly JudgedFile[]): RuleCounts[] {
  return [...source.rules, undefined].flatMap((rule) => {
    const own = judged.filter((one) => one.rule === rule);
    return own.length === 0 ? [] : [{ rule, files: own.length, counts: countStandings(own) }];
  });
}

export function countStandings(judged: readonly JudgedFile[]): StandingCounts {
  const counts = { ...NO_FILES };
  for (const { standing } of judged) {
    counts[standing.kind]++;
    if (standing.kind === "read" && standing.derived) counts.derived++;
  }
  return counts;
}

const NO_FILES = {
  read: 0,
  derived: 0,
  bumped: 0,
  vouched: 0,
  waived: 0,
  distrusted: 0,
  rejected: 0,
  uncovered: 0,
  unruled: 0,
};
