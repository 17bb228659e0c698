/**
 * Judges what lies between two commits before anybody merges it.
 *
 * Claims: what it finds open is what `verify` and `admit` would refuse after the merge, told by file and line, and what
 * was open before is not held against it. Leaves out: the merge itself, which may bring in something else.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { passes } from "@firstmile/trust/slice/cover";
import { countStandings } from "@firstmile/trust/slice/judged";
import { fileReason } from "@firstmile/trust/slice/reason";
import type { NixTools } from "../admission/nix-tools.ts";
import { authenticateHistory } from "../evidence/history.ts";
import { neutralGit } from "../git/neutral.ts";
import { revList } from "../git/rev-list.ts";
import type { ReviewRange } from "../reviewing/range.ts";
import { type LineCount, type ReadChange, ReviewMaterial } from "../reviewing/read-change.ts";
import { sliceDifference } from "../slicing/difference.ts";
import { type GatheredCase, gatherCase } from "../slicing/gather.ts";
import { downloadsIn, type Slice, type SlicedFile, type SliceOutcome, sliceOf } from "../slicing/slice-of.ts";
import type { StatementPlace } from "../statements/place.ts";
import { firstChangedLines } from "./changed-lines.ts";
import type { CheckFinding, CheckReport, SliceCheck, SliceSize } from "./report.ts";

export interface CheckQuestion {
  readonly repository: string;
  readonly directoryName: string;
  readonly range: ReviewRange & { readonly base: CommitId };
  readonly policy: Policy;
  readonly source: Source;
  readonly statements: readonly StatementPlace[];
  readonly file: string;
  /** Each is looked at by itself. None: no slices. */
  readonly attrs: readonly string[];
  /** Unix seconds. */
  readonly now: number;
  readonly nix: () => Promise<NixTools>;
  readonly progress: (text: string) => void;
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
    const findings = isSlice ? check.open() : await check.history(change);
    const { base, tip: head } = question.range;
    return { source: question.source.name, base, head, change: sumOf(counts), findings, slices };
  } finally {
    git.dispose();
  }
}

class Check {
  readonly #question: CheckQuestion;
  readonly #lines: ReadonlyMap<string, number>;
  /** Open files at the head that this change touches, by path. */
  readonly #open = new Map<string, CheckFinding>();

  constructor(question: CheckQuestion, lines: ReadonlyMap<string, number>) {
    this.#question = question;
    this.#lines = lines;
  }

  open(): CheckFinding[] {
    return [...this.#open.values()].sort((a, b) => ((a.path ?? "") < (b.path ?? "") ? -1 : 1));
  }

  async slices(): Promise<SliceCheck[]> {
    const { attrs, range } = this.#question;
    if (attrs.length === 0) return [];
    const [before, after] = [await this.#gather(range.base), await this.#gather(range.tip)];
    const checks: SliceCheck[] = [];
    for (const attr of attrs) checks.push(await this.#slice(attr, before, after));
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
    if (!now.ok) return { words, failure: now.reason, ...sizes, ...NOTHING };
    const previous = old.ok ? old.slice : { ...now.slice, files: [], derivations: new Map() };
    const { files, downloads, derivations } = sliceDifference(previous, now.slice);
    const open = files.flatMap(({ after: one }) => (judged && one && !passes(one.standing) ? [one] : []));
    for (const one of open) this.#note(one, after, words);
    return {
      words,
      failure: undefined,
      ...sizes,
      changed: { files: files.length, open: open.length },
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

const NOTHING = { changed: { files: 0, open: 0 }, derivations: { fresh: 0, gone: 0 }, downloads: [] };

function sizeOf(slice: Slice, judged: boolean): SliceSize {
  return {
    files: slice.files.length,
    lines: slice.files.reduce((sum, { lines }) => sum + lines, 0),
    derivations: slice.derivations.size,
    downloads: downloadsIn(slice).length,
    counts: judged ? countStandings(slice.files) : undefined,
  };
}

function sumOf(counts: readonly LineCount[]): CheckReport["change"] {
  const sum = (of: "added" | "removed") => counts.reduce((lines, count) => lines + (count[of] ?? 0), 0);
  return { files: counts.length, added: sum("added"), removed: sum("removed") };
}
