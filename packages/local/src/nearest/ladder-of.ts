/**
 * How far files of a slice are from what people have read: for whoever asks why, and beside a refusal.
 *
 * What is read already is told by the evidence alone; only for the rest the nearest of all signed files is looked for.
 */
import { type ContentFacts, standingOf } from "@firstmile/trust/nearest/ladder";
import { acceptedText, likenessText, standingText } from "@firstmile/trust/nearest/standing-text";
import { Beginnings } from "@firstmile/trust/slice/beginnings";
import type { SliceCoverage } from "@firstmile/trust/slice/cover";
import type { JudgedFile } from "@firstmile/trust/slice/judged";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { type Nearest, NearestSigned } from "./nearest-signed.ts";

export interface LadderCase {
  /** Path of a Git repository that has the files. */
  readonly repository: string;
  readonly coverage: SliceCoverage;
  /** Where sketches are remembered. */
  readonly stateDir?: string | undefined;
}

/** Undefined where the file cannot be read. Throws `RepositoryError`. */
export async function ladderOf(
  judged: JudgedFile,
  { repository, coverage, stateDir }: LadderCase,
): Promise<Nearest | undefined> {
  const facts = factsOf(judged, coverage);
  if (facts.exact || facts.derived) return known(facts);
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const covered = new Beginnings(coverage).all().map(({ content, ...one }) => ({ ...one, ...content }));
    const nearest = await (await NearestSigned.open({ objects, covered, stateDir })).nearestSigned(
      judged.file,
    );
    const accepted = acceptedText(judged.standing);
    return nearest && accepted !== undefined
      ? { ...nearest, text: withLikeness(accepted, nearest) }
      : nearest;
  } finally {
    git.dispose();
  }
}

/** Signed contents that are compared with beside a refusal: more take longer than a refusal may. */
const CHEAP = 5000;

/** By path, what a few files that nobody covers are like; none where it would take long to say. */
export async function likenessOf(
  files: readonly JudgedFile[],
  question: LadderCase,
): Promise<ReadonlyMap<string, string>> {
  const nearest = await nearestOf(files, question);
  return new Map(
    [...nearest].flatMap(([path, { standing }]): [string, string][] =>
      standing.kind === "covered" ? [[path, likenessText(standing)]] : [],
    ),
  );
}

/** By path, the signed file that each of a few came from, which nobody covers; none where it would take long to say. */
export async function nearestOf(
  files: readonly JudgedFile[],
  { repository, coverage, stateDir }: LadderCase,
): Promise<ReadonlyMap<string, Nearest>> {
  const found = new Map<string, Nearest>();
  const open = files.filter(({ standing }) => standing.kind === "uncovered");
  const covered = new Beginnings(coverage).all().map(({ content, ...one }) => ({ ...one, ...content }));
  if (open.length === 0 || covered.length === 0 || covered.length > CHEAP) return found;
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const signed = await NearestSigned.open({ objects, covered, stateDir });
    for (const { file } of open) {
      const nearest = await signed.nearestSigned(file);
      if (nearest) found.set(file.path, nearest);
    }
    return found;
  } finally {
    git.dispose();
  }
}

function withLikeness(accepted: string, { standing }: Nearest): string {
  return standing.kind === "covered" ? `${accepted}; ${likenessText(standing)}` : accepted;
}

function factsOf({ file, standing }: JudgedFile, coverage: SliceCoverage): ContentFacts {
  if (standing.kind !== "read") return {};
  const [from] = coverage.origins(file.path, file);
  const before = standing.derived && from ? new Beginnings(coverage).from(file.path, from) : undefined;
  if (before) return { derived: { before, changeBy: standing.by } };
  return { exact: { path: file.path, by: standing.by } };
}

function known(facts: ContentFacts): Nearest {
  const standing = standingOf(facts, new Uint8Array(), []);
  const signed = facts.exact ?? facts.derived?.before;
  return { signed, likest: undefined, standing, text: standingText(standing), hunks: [], gone: [] };
}
