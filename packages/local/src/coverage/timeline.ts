/**
 * How much of what is read today was covered before, by the history of a trust repository: its commits carry the rules
 * and statements of their day.
 *
 * It is drawn, and decides nothing: a commit's date is its author's word, and commits are not authenticated here.
 * Leaves out evidence that was kept elsewhere, of which nobody knows since when it was there.
 */
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { TrustCommit } from "@firstmile/trust/root/authenticate";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { neutralGit } from "../git/neutral.ts";
import { revList } from "../git/rev-list.ts";
import { gatherCase } from "../slicing/gather.ts";
import { readTrustCommits } from "../trust-repository/read.ts";
import { type Point, type Shares, sharesOf, together } from "./counts.ts";
import type { CoveredPart } from "./parts.ts";

export interface TrustHistory {
  /** Path of a Git repository. */
  readonly repository: string;
  readonly head: CommitId;
}

/** Looked at at most, spread over all: each takes as long as one look at what speaks for the files. */
const MOST = 48;

/** One point for each commit that is looked at, oldest first. Throws `RepositoryError`. */
export async function pastCoverage(
  { repository, head }: TrustHistory,
  parts: readonly CoveredPart[],
  now: number,
): Promise<Point[]> {
  const git = await neutralGit(repository);
  try {
    const line = (await revList(git, [head], [], { firstParent: true })).reverse();
    const commits = await readTrustCommits(repository, git, spread(line, MOST));
    const points: Point[] = [];
    for (const commit of commits) {
      // Dates that go back would draw lines that do.
      const time = Math.min(now, Math.max(points.at(-1)?.time ?? 0, dateOf(commit)));
      points.push({ time, shares: await sharesAt({ repository, commit, time }, parts) });
    }
    return points;
  } finally {
    git.dispose();
  }
}

/** First and last are in it. */
function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);
}

function dateOf({ content }: TrustCommit): number {
  return parseCommit(content).committer.identity().time;
}

interface Day {
  readonly repository: string;
  readonly commit: TrustCommit;
  readonly time: number;
}

async function sharesAt(day: Day, parts: readonly CoveredPart[]): Promise<Shares> {
  const loaded = loadPolicy(day.commit.files);
  const policy = loaded.ok ? resolveImports(loaded.policy, new Map(), day.time) : undefined;
  const shares: Shares[] = [];
  for (const part of parts) shares.push(sharesOf(await filesAt(day, policy, part)));
  return together(shares);
}

/** Under rules that know no such source nothing is covered, and neither is anything under rules with defects. */
async function filesAt(
  { repository: trust, commit: { id }, time: now }: Day,
  policy: ResolvedPolicy | undefined,
  { repository, source: { name }, commit, files }: CoveredPart,
): Promise<CoveredPart["files"]> {
  const source = policy?.sources.get(name);
  if (!policy || source?.authenticate !== "slice")
    return files.map((one) => ({ ...one, standing: { kind: "unruled" as const } }));
  const statements = [{ kind: "commit" as const, repository: trust, commit: id }];
  const { coverage, origin } = await gatherCase({ repository, policy, source, commit, statements, now });
  if (!origin.ok) return files.map((one) => ({ ...one, standing: { kind: "unruled" as const } }));
  const judged = judgeFiles(
    coverage,
    files.map(({ file }) => file),
  );
  return files.map((one, i) => ({ ...one, standing: judged[i]!.standing }));
}
