/**
 * Judges what lies between two commits before anybody merges it.
 *
 * Claims: what it finds open is what `verify` and `admit` would refuse after the merge, told by file and line, and what
 * was open before is not held against it. Leaves out: the merge itself, which may bring in something else.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import { passes } from "@firstmile/trust/slice/cover";
import { fileReason } from "@firstmile/trust/slice/reason";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { NixTools } from "../admission/nix-tools.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { authenticateHistory } from "../evidence/history.ts";
import { neutralGit } from "../git/neutral.ts";
import { revList } from "../git/rev-list.ts";
import type { ReviewRange } from "../reviewing/range.ts";
import { type LineCount, type ReadChange, ReviewMaterial } from "../reviewing/read-change.ts";
import { sliceDifference } from "../slicing/difference.ts";
import { type GatheredCase, gatherCase } from "../slicing/gather.ts";
import { type SlicedFile, type SliceOutcome, sliceOf } from "../slicing/slice-of.ts";
import type { StatementPlace } from "../statements/place.ts";
import { firstChangedLines } from "./changed-lines.ts";
import { checkFlake, type FlakeCheck } from "./check-flake.ts";
import { changedNames, namesFindings } from "./names-findings.ts";
import {
  type CheckFinding,
  type CheckReport,
  failedFinding,
  NO_DIFFERENCE,
  type SliceCheck,
  sizeOf,
} from "./report.ts";

export interface CheckQuestion {
  readonly repository: string;
  readonly directoryName: string;
  readonly range: ReviewRange & { readonly base: CommitId };
  readonly policy: ResolvedPolicy;
  readonly source: Source;
  readonly statements: readonly StatementPlace[];
  readonly file: string;
  /** Each is looked at by itself. None: no slices. */
  readonly attrs: readonly string[];
  /** Attributes of flakes in this repository. */
  readonly flakes: readonly CheckedFlake[];
  readonly repositories: SourceRepositories;
  /** Whether a commit of another source, one that is judged by its commits, is authentic. */
  readonly authenticate: (source: Source, commit: CommitId) => Promise<Reason>;
  /** Unix seconds. */
  readonly now: number;
  readonly nix: () => Promise<NixTools>;
  readonly progress: (text: string) => void;
}

export interface CheckedFlake {
  readonly words: string;
  /** In the tree; "" for its root. */
  readonly dir: string;
  readonly attr: string;
}

export async function checkChange(question: CheckQuestion): Promise<CheckReport> {
  const git = await neutralGit(question.repository);
  try {
    using material = new ReviewMaterial(git);
    const change = await material.change(question.range);
    const counts = await change.lineCounts();
    const check = new Check(question, await firstChangedLines(change));
    const isSlice = question.source.authenticate === "slice";
    const slices = await check.slices();
    const flakes = await check.flakes();
    const own = isSlice ? [] : await check.history(change);
    const findings = [...own, ...check.open(), ...flakes.flatMap((one) => one.findings)];
    const { base, tip: head } = question.range;
    return {
      source: question.source.name,
      base,
      head,
      change: sumOf(counts),
      findings,
      slices: [...slices, ...flakes.map(({ slice }) => slice)],
    };
  } finally {
    git.dispose();
  }
}

class Check {
  readonly #question: CheckQuestion;
  readonly #lines: ReadonlyMap<string, number>;
  /** Open files at the head that this change touches, by path. */
  readonly #open = new Map<string, CheckFinding>();
  readonly #failed: CheckFinding[] = [];

  constructor(question: CheckQuestion, lines: ReadonlyMap<string, number>) {
    this.#question = question;
    this.#lines = lines;
  }

  /** Of what was evaluated: what could not be, and open files in the order of their paths. */
  open(): CheckFinding[] {
    const files = [...this.#open.values()].sort((a, b) => ((a.path ?? "") < (b.path ?? "") ? -1 : 1));
    return [...this.#failed, ...files];
  }

  async slices(): Promise<SliceCheck[]> {
    const { attrs, range } = this.#question;
    if (attrs.length === 0) return [];
    const [before, after] = [await this.#gather(range.base), await this.#gather(range.tip)];
    const checks: SliceCheck[] = [];
    for (const attr of attrs) checks.push(await this.#slice(attr, before, after));
    return checks;
  }

  async flakes(): Promise<FlakeCheck[]> {
    const { flakes, progress, nix, range, ...question } = this.#question;
    const checks: FlakeCheck[] = [];
    for (const { words, dir, attr } of flakes) {
      progress(`evaluating ${words}`);
      const { base, tip: head } = range;
      checks.push(await checkFlake({ ...question, base, head, words, dir, attr, nix: await nix() }));
    }
    return checks;
  }

  #gather(commit: CommitId): Promise<GatheredCase> {
    const { repository, policy, source, statements, now } = this.#question;
    return gatherCase({ repository, policy, source, commit, statements, now });
  }

  async #slice(attr: string, before: GatheredCase, after: GatheredCase): Promise<SliceCheck> {
    const { range, file, source } = this.#question;
    const words = [...(file === "default.nix" ? [] : [`-f ${file}`]), `-A ${attr}`].join(" ");
    const old = await this.#evaluate(attr, range.base, before);
    const now = await this.#evaluate(attr, range.tip, after);
    const judged = source.authenticate === "slice";
    const sizes = {
      before: old.ok ? sizeOf(old.slice, judged) : undefined,
      after: now.ok ? sizeOf(now.slice, judged) : undefined,
    };
    if (!now.ok) {
      this.#failed.push(failedFinding(words, now.reason));
      return { words, failure: now.reason, ...sizes, ...NO_DIFFERENCE };
    }
    const previous = old.ok ? old.slice : { ...now.slice, files: [], names: [], derivations: new Map() };
    const { files, downloads, derivations } = sliceDifference(previous, now.slice);
    const open = files.flatMap(({ after: one }) => (judged && one && !passes(one.standing) ? [one] : []));
    for (const one of open) this.#note(one, after, words);
    if (judged) {
      const before = old.ok ? [old.slice] : [];
      const findings = namesFindings({ ...now.slice, gathered: after }, before, words);
      for (const one of findings) this.#noteNames(one);
    }
    return {
      words,
      failure: undefined,
      ...sizes,
      changed: { files: files.length, open: open.length, names: changedNames(previous, now.slice) },
      derivations,
      downloads,
    };
  }

  async #evaluate(attr: string, commit: CommitId, gathered: GatheredCase): Promise<SliceOutcome> {
    const { repository, directoryName, file, nix, progress } = this.#question;
    progress(`evaluating ${attr} at ${commit.slice(0, 12)}`);
    return sliceOf(
      await nix(),
      { repository, commit, directoryName, file, attrs: [attr], argstr: {} },
      gathered,
    );
  }

  #note(one: SlicedFile, { coverage, source }: GatheredCase, words: string): void {
    const { path } = one.file;
    if (this.#open.has(path)) return;
    const commit = this.#question.range.tip;
    const { code, message, remedy } = fileReason({ source, commit, words, coverage }, one);
    const who = coverage.completions(path, one.file);
    this.#open.set(path, { code, path, line: this.#lines.get(path) ?? 1, message, remedy, who });
  }

  #noteNames(finding: CheckFinding): void {
    const key = `${finding.path}\0${finding.message}`;
    if (!this.#open.has(key)) this.#open.set(key, finding);
  }

  /** What the rules say of the commits of the range. */
  async history(change: ReadChange): Promise<CheckFinding[]> {
    const { repository, policy, source, statements, now, range } = this.#question;
    const tip = range.tip;
    const verdict = await authenticateHistory({
      repository,
      tip,
      policy,
      source,
      statements,
      now,
      cacheDir: undefined,
    });
    const own = new Set<string>(await this.#commits());
    const changed = new Set(change.changes.map(({ path }) => path));
    return verdict.denied
      .filter(({ commit }) => own.has(commit))
      .flatMap(({ commit, code, message, remedy, paths = [] }) => {
        const told = `${commit.slice(0, 12)} ${message}`;
        const files = paths.filter((path) => changed.has(path));
        const places = files.length > 0 ? files : [undefined];
        return places.map((path) => ({
          code,
          path,
          line: (path && this.#lines.get(path)) || 1,
          message: told,
          remedy,
          who: [],
        }));
      });
  }

  async #commits(): Promise<readonly CommitId[]> {
    const { repository, range } = this.#question;
    const git = await neutralGit(repository);
    try {
      return await revList(git, [range.tip], [range.base]);
    } finally {
      git.dispose();
    }
  }
}

function sumOf(counts: readonly LineCount[]): CheckReport["change"] {
  const sum = (of: "added" | "removed") => counts.reduce((lines, count) => lines + (count[of] ?? 0), 0);
  return { files: counts.length, added: sum("added"), removed: sum("removed") };
}
