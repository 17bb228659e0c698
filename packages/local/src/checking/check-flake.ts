/**
 * What a change does to attributes of a flake: to what they read of inputs that are judged by their slices, to whether
 * the other inputs are authentic, and to what is built.
 *
 * Claims: an input that `admit` would refuse after the merge is found open, at the line of flake.lock that pins it; what
 * was read and open before is not held against the change.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import { passes } from "@firstmile/trust/slice/cover";
import type { JudgedFile } from "@firstmile/trust/slice/judged";
import { pathIn } from "@firstmile/trust/slice/names";
import type { JudgedNames } from "@firstmile/trust/slice/names-coverage";
import type { TreeName } from "@firstmile/trust/slice/names-reason";
import { sliceReason } from "@firstmile/trust/slice/reason";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { fileInTree } from "../admission/lock.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import type { SliceRead } from "../admission/slices.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { treeOf } from "../admission/tree-of.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { sliceDifference } from "../slicing/difference.ts";
import { flakeSlices } from "../slicing/flake-slices.ts";
import { lineCounts, type Slice, type SlicedFile } from "../slicing/slice-of.ts";
import type { StatementPlace } from "../statements/place.ts";
import { changedNames, namesFindings } from "./names-findings.ts";
import { type CheckFinding, failedFinding, NO_DIFFERENCE, type SliceCheck, sizeOf } from "./report.ts";

export interface FlakeQuestion {
  readonly repository: string;
  readonly base: CommitId;
  readonly head: CommitId;
  readonly policy: ResolvedPolicy;
  readonly statements: readonly StatementPlace[];
  /** The flake's own. */
  readonly source: Source;
  readonly repositories: SourceRepositories;
  /** Whether a commit of an input that is judged by its commits is authentic. */
  readonly authenticate: (source: Source, commit: CommitId) => Promise<Reason>;
  /** Directory of the flake in the tree; "" for the root. */
  readonly dir: string;
  readonly attr: string;
  /** As on a command line. */
  readonly words: string;
  /** Unix seconds. */
  readonly now: number;
  readonly nix: NixTools;
}

export interface FlakeCheck {
  readonly slice: SliceCheck;
  readonly findings: readonly CheckFinding[];
}

type Side =
  | { readonly ok: true; readonly slice: Slice; readonly reads: readonly SliceRead[] }
  | { readonly ok: false; readonly reason: Reason };

export async function checkFlake(question: FlakeQuestion): Promise<FlakeCheck> {
  const { words } = question;
  const [before, after] = [await sideOf(question, question.base), await sideOf(question, question.head)];
  const sizes = {
    before: before.ok ? sizeOf(before.slice, before.reads.length > 0) : undefined,
    after: after.ok ? sizeOf(after.slice, after.reads.length > 0) : undefined,
  };
  if (!after.ok) {
    const { reason } = after;
    const slice = { words, failure: reason, ...sizes, ...NO_DIFFERENCE };
    return { slice, findings: [failedFinding(words, reason)] };
  }
  const old = before.ok ? before.slice : { ...after.slice, files: [], derivations: new Map() };
  const { files, derivations, downloads } = sliceDifference(old, after.slice);
  const open = files.filter(({ after: one }) => one && !passes(one.standing)).length;
  const changed = {
    files: files.length,
    open,
    names: changedNames(before.ok ? before.slice : undefined, after.slice),
  };
  return {
    slice: { words, failure: undefined, ...sizes, changed, derivations, downloads },
    findings: await findingsOf(question, before.ok ? before.reads : [], after.reads),
  };
}

async function sideOf({ dir, attr, ...question }: FlakeQuestion, commit: CommitId): Promise<Side> {
  const outcome = await flakeSlices({ ...question, commit, dir, attrs: [attr] });
  if (!outcome.ok) return outcome;
  const { roots, derivations, reads } = outcome;
  const files: SlicedFile[] = [];
  const names: JudgedNames[] = [];
  const odd: TreeName[] = [];
  for (const { source, repository, judged, ...read } of reads) {
    const lines = await lineCounts(repository, judged);
    files.push(...judged.map((one, i) => ({ ...inSource(source, one), lines: lines[i]! })));
    names.push(...read.names.map((one) => namesInSource(source, one)));
    odd.push(...read.odd.map((one) => ({ ...one, path: pathIn(source.name, one.path) })));
  }
  return { ok: true, slice: { commit, files, names, odd, roots, derivations, how: "fuse" }, reads };
}

/** Of several inputs, each file under its own name. */
function inSource({ name }: Source, one: JudgedFile): JudgedFile {
  return { ...one, file: { ...one.file, path: `${name}/${one.file.path}` } };
}

function namesInSource({ name }: Source, one: JudgedNames): JudgedNames {
  const path = one.names.path === "" ? name : pathIn(name, one.names.path);
  return { ...one, names: { ...one.names, path } };
}

/** One for each input with uncovered files or names that were not open before. */
async function findingsOf(
  { repository, head, dir }: FlakeQuestion,
  before: readonly SliceRead[],
  after: readonly SliceRead[],
): Promise<CheckFinding[]> {
  const lock = dir === "" ? "flake.lock" : `${dir}/flake.lock`;
  const known = new Set(before.flatMap(({ source, judged }) => judged.map((one) => contentOf(source, one))));
  const open = after.flatMap((read) => {
    const files = read.judged.filter(
      (one) => !passes(one.standing) && !known.has(contentOf(read.source, one)),
    );
    return files.length > 0 ? [{ read, files }] : [];
  });
  const ofNames = await Promise.all(
    after.map(async (read) => {
      const line = await lineOf(repository, head, lock, read.commit);
      const own = before.filter(({ source }) => source.name === read.source.name);
      return namesFindings(read, own, "").map((one) => ({ ...one, path: lock, line }));
    }),
  );
  const ofFiles = await Promise.all(
    open.map(async ({ read: { commit, gathered }, files }) => {
      const { coverage, source } = gathered;
      const question = { source, commit, words: "", coverage };
      const { code, message, remedy, because = [] } = sliceReason(question, files);
      return {
        code,
        path: lock,
        line: await lineOf(repository, head, lock, commit),
        message: because[0] ? `${message}: ${because[0].message}` : message,
        remedy,
        who: readersOfAll(gathered, files),
      };
    }),
  );
  return [...ofFiles, ...ofNames.flat()];
}

function contentOf({ name }: Source, { file: { path, mode, sha256 } }: JudgedFile): string {
  return `${name} ${path} ${mode} ${sha256}`;
}

/** Sets of people who would do for each of the files. */
function readersOfAll({ coverage }: SliceRead["gathered"], files: readonly JudgedFile[]) {
  const sets = files.map(({ file }) => coverage.completions(file.path, file));
  const names = sets.map((one) => new Set(one.map((people) => people.join(" "))));
  return (sets[0] ?? []).filter((people) => names.every((one) => one.has(people.join(" "))));
}

/** Where a lock names a commit, from 1; its beginning where it cannot be told. */
async function lineOf(repository: string, head: CommitId, lock: string, commit: CommitId): Promise<number> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const content = await fileInTree(objects, await treeOf(objects, head), lock);
    const lines = content?.toString("latin1").split("\n") ?? [];
    return (
      Math.max(
        0,
        lines.findIndex((line) => line.includes(`"${commit}"`)),
      ) + 1
    );
  } finally {
    git.dispose();
  }
}
