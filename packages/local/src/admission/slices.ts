/**
 * Sources of which only what an evaluation reads has to be covered.
 *
 * Claims: such a tree is evaluated through views that show covered files alone, so that nothing anybody wrote is
 * evaluated here unread; and what was read is judged once more by its content, and kept with the admission, so that
 * it is judged again under tomorrow's rules. So are names: unread ones are hidden from the evaluation, and it
 * is told whether they would have made a difference. Against: a file that was exchanged between being allowed and being
 * read, a name that code takes for more, a patch that is taken away.
 */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { Source } from "@firstmile/trust/policy/policy";
import type { SliceFile } from "@firstmile/trust/slice/file";
import { failing, type JudgedFile, judgeFiles } from "@firstmile/trust/slice/judged";
import { pathIn, type SliceNames } from "@firstmile/trust/slice/names";
import type { JudgedNames } from "@firstmile/trust/slice/names-coverage";
import {
  failingNames,
  influenceReason,
  type NamesQuestion,
  namesDenial,
  noInfluence,
  oddReason,
  type TreeName,
} from "@firstmile/trust/slice/names-reason";
import { sliceReason, worst } from "@firstmile/trust/slice/reason";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Basis } from "../gate/ledger.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { blobOf, GitTree, GitTreeError } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { likenessOf } from "../nearest/ladder-of.ts";
import type { ReadInSeal } from "../sealing/evaluate.ts";
import { allowedIn, observing } from "../slicing/allowed.ts";
import { existingIn } from "../slicing/existing.ts";
import { type GatheredCase, gatherCase } from "../slicing/gather.ts";
import { oddIn } from "../slicing/odd-names.ts";
import { pathInTree } from "../slicing/path-in-tree.ts";
import { modeOf } from "../slicing/published.ts";
import { readFiles } from "../slicing/read-files.ts";
import { hiddenNames, readNames } from "../slicing/read-names.ts";
import { TreeNames } from "../slicing/tree-names.ts";
import { withUses } from "../slicing/uses.ts";
import { tellingUnread } from "../statements/unread.ts";
import type { OpenedFile, ViewRecord, ViewTree } from "../view/view.ts";
import type { DerivationReader } from "./derivation-reader.ts";
import type { SourceRepositories } from "./source-repositories.ts";
import { treeOf } from "./tree-of.ts";

export interface SlicesOptions {
  readonly repositories: Pick<SourceRepositories, "directory">;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Show what nobody covers too: for people to look at, and never for an admission. */
  readonly everything?: boolean;
}

interface Prepared {
  readonly source: Source;
  readonly commit: CommitId;
  readonly repository: string;
  readonly gathered: GatheredCase;
  readonly tree: GitTree;
  readonly names: TreeNames;
}

interface Viewed extends Prepared {
  readonly view: ViewTree;
  readonly stored: StorePath | undefined;
  /** All of it, once a derivation was found to take in the whole tree. */
  whole?: readonly SliceFile[];
}

/** What was read of one source. */
export interface SliceRead {
  readonly source: Source;
  readonly commit: CommitId;
  readonly repository: string;
  readonly gathered: GatheredCase;
  readonly judged: readonly JudgedFile[];
  readonly names: readonly JudgedNames[];
  /** Names in directories that are listed, which no reading names and which others may take for more. */
  readonly odd: readonly TreeName[];
}

export interface JudgedSlices {
  readonly reasons: readonly Reason[];
  readonly basis: readonly (Basis & {
    readonly files: readonly SliceFile[];
    readonly names: readonly SliceNames[];
  })[];
}

/** The slices of one admission. */
export class AdmissionSlices {
  readonly #options: SlicesOptions;
  readonly #rules: Pick<RulesInForce, "policy" | "statements">;
  readonly #prepared = new Map<string, Prepared>();
  readonly #viewed: Viewed[] = [];
  /** One for each evaluation. */
  readonly #runs: ReadInSeal[] = [];

  constructor(options: SlicesOptions, rules: Pick<RulesInForce, "policy" | "statements">) {
    this.#options = options;
    this.#rules = rules;
  }

  /** Gathers what speaks for a commit of a source. What comes back says whether it is of this source at all. */
  async prepare(source: Source, commit: CommitId): Promise<Reason> {
    const known = this.#prepared.get(`${source.name} ${commit}`);
    if (known) return known.gathered.origin;
    const repository = await this.#options.repositories.directory(source);
    const { policy, statements } = this.#rules;
    const gathered = await gatherCase({
      repository,
      policy,
      source,
      commit,
      statements,
      now: this.#options.clock(),
    });
    if (!gathered.origin.ok) return gathered.origin;
    const read = await readTree(repository, commit);
    if (!read.ok) return read.reason;
    const names = new TreeNames(read.tree);
    const prepared = { source, commit, repository, gathered, tree: read.tree, names };
    this.#prepared.set(`${source.name} ${commit}`, prepared);
    return tellingUnread(gathered.origin, gathered.incomplete);
  }

  /**
   * Has the tree of a commit that was prepared seen at a place while something is evaluated. `stored`: the path by which
   * derivations may take it in, if any.
   */
  show(source: Source, commit: CommitId, at: string, stored?: StorePath): void {
    const prepared = this.#prepared.get(`${source.name} ${commit}`)!;
    if (this.#viewed.some(({ view }) => view.at === at)) return;
    const { repository, tree, gathered } = prepared;
    const { everything = false } = this.#options;
    const rules = everything ? observing(tree, gathered) : allowedIn(tree, gathered);
    this.#viewed.push({ ...prepared, view: { repository, tree: tree.root, at, rules }, stored });
  }

  /**
   * What is in a store as it is may go into a derivation without being opened: then all of it has to be covered. To be
   * asked before `judge`.
   */
  async takenWhole(reader: DerivationReader, sources: Iterable<StorePath>): Promise<void> {
    const stored = this.#viewed.filter((viewed) => viewed.stored !== undefined);
    if (stored.length === 0) return;
    const reached = await reader.requisites(sources);
    for (const viewed of stored) if (reached.has(viewed.stored!)) viewed.whole = await allFiles(viewed);
  }

  /** A path in the tree that was shown last, if it stays in it. */
  path(file: string): string | Reason {
    return pathInTree(this.#viewed.at(-1)!.tree, file);
  }

  /** All of them, for one evaluation. */
  get views(): readonly ViewTree[] {
    return this.#viewed.map(({ view }) => view);
  }

  /** What is to be said of it by Nix: which files it evaluated. */
  get more(): readonly string[] {
    return this.#options.everything && this.#viewed.length > 0 ? ["-vv"] : [];
  }

  /** Notes what an evaluation with these views has read. */
  readonly note = (read: ReadInSeal): void => {
    this.#runs.push(read);
  };

  /** What was read of each, judged file by file, and where Nix said that it evaluated it. */
  files(): SliceRead[] {
    return this.#viewed.map((viewed, i) => {
      const { source, commit, repository, gathered, whole, view } = viewed;
      const log = this.#runs.map((run) => run.log).join("\n");
      const read = whole ?? withUses(this.#read(i).files, log, view.at);
      const judged = judgeFiles(gathered.coverage, read);
      const told = this.#names(i);
      const names = gathered.names.judge(told, this.#deciding(i));
      return {
        source,
        commit,
        repository,
        gathered,
        judged,
        names,
        odd: oddIn(told, viewed.names, gathered),
      };
    });
  }

  /** What names told of one of the trees. */
  #names(index: number): readonly SliceNames[] {
    const viewed = this.#viewed[index]!;
    return viewed.whole ? viewed.names.listings() : readNames(this.#record(), new Set([index]));
  }

  /** Names of one of the trees that were kept back. */
  #hidden(index: number): TreeName[] {
    const viewed = this.#viewed[index]!;
    if (!viewed.whole) return hiddenNames(this.#record(), new Set([index]));
    const { names, gathered } = viewed;
    const existing = existingIn(viewed.tree, gathered.names);
    return names.all().filter(({ path }) => existing.get(path) !== "listed");
  }

  /** Paths of names that were kept back and decide something. */
  #deciding(index: number): ReadonlySet<string> {
    return new Set(this.#decide(index) ? this.#hidden(index).map(({ path }) => path) : []);
  }

  /** Whether names that were kept back decide anything. */
  #decide(index: number): boolean {
    return this.#viewed[index]!.whole !== undefined || this.#runs.some((run) => run.namesDecide);
  }

  /** Of one of the trees. Views only ever come behind those that there are. */
  #read(index: number) {
    return readFiles(this.#record(), new Set([index]));
  }

  /** What was read, judged; `words` say what was evaluated. To be asked after Nix has ended, well or not. */
  async judge(words: string): Promise<JudgedSlices> {
    const judged = await Promise.all(this.#viewed.map((viewed, i) => this.#judgeOne(viewed, i, words)));
    return { reasons: judged.flatMap(({ reasons }) => reasons), basis: judged.map(({ basis }) => basis) };
  }

  /** What any of the evaluations read. */
  #record(): ViewRecord {
    const records = this.#runs.map(({ record }) => record);
    const files = new Map<string, OpenedFile>();
    for (const file of records.flatMap((record) => record.files)) {
      const key = `${file.tree} ${file.path}`;
      // Held back once is held back.
      if (files.get(key)?.allowed !== false) files.set(key, file);
    }
    return {
      files: [...files.values()],
      directories: records.flatMap((record) => record.directories),
      asked: records.flatMap((record) => record.asked),
      hidden: records.flatMap((record) => record.hidden),
      broken: records.flatMap((record) => record.broken),
    };
  }

  async #judgeOne(viewed: Viewed, index: number, request: string) {
    const { source, commit, gathered, whole, repository, stored } = viewed;
    // The request's words lead into the tree that is asked for, and not into what that fetches.
    const words = stored === undefined ? request : "";
    const read = this.#read(index);
    const { refused } = read;
    const files = whole ?? read.files;
    const all = [...files, ...refused.map(asFile)];
    const { coverage } = gathered;
    const judged = judgeFiles(coverage, all);
    const likeness = await likenessOf(worst(failing(judged)), { repository, coverage });
    const question = { source: gathered.source, commit, words, coverage, likeness };
    const names = this.#names(index);
    const filesPass = failing(judged).length === 0 && refused.length === 0;
    // What a new name leads to is told as the file that it is, where that is what is open.
    const deciding = this.#deciding(index);
    const judgedNames = filesPass
      ? gathered.names.judge(names, deciding)
      : gathered.names.judge(names.filter((one) => one.kind === "listing" || !deciding.has(one.path)));
    const passing = failingNames(judgedNames).length === 0 ? judgedNames : [];
    const reason = sliceReason(question, judged, passing);
    const told = whole && !reason.ok ? { ...reason, message: `${WHOLE}: ${reason.message}` } : reason;
    const ofFiles = reason.ok && refused.length > 0 ? [reason, heldBack(refused)] : [told];
    const ofNames = this.#judgeNames(index, { ...question, names: gathered.names }, judgedNames, filesPass);
    // Do not report that all files are covered when names are not.
    const denied = reason.ok && ofNames.some(({ ok }) => !ok);
    const reasons = [...(denied ? ofFiles.slice(1) : ofFiles), ...ofNames];
    const versions = judgedNames.flatMap((one) => cameSince(one, viewed.names));
    return { reasons, basis: { source: source.name, commit, files, names: [...names, ...versions] } };
  }

  #judgeNames(
    index: number,
    question: NamesQuestion,
    judged: readonly JudgedNames[],
    filesPass: boolean,
  ): Reason[] {
    const viewed = this.#viewed[index]!;
    const denial = namesDenial(question, judged);
    const odd = oddIn(
      judged.map(({ names }) => names),
      viewed.names,
      viewed.gathered,
    );
    const hidden = this.#hidden(index);
    const denials = [...(denial ? [denial] : []), ...(odd.length > 0 ? [oddReason(question, odd)] : [])];
    if (hidden.length === 0 || denials.length > 0) return denials;
    if (!this.#decide(index)) return [noInfluence(hidden)];
    return filesPass ? [influenceReason(question, hidden)] : [];
  }
}

/**
 * What a listing has beyond the one that covers it, as what is there: each of these names was covered by what it names,
 * and has to be tomorrow.
 */
function cameSince({ names: { path }, change, standing }: JudgedNames, tree: TreeNames): SliceNames[] {
  if (standing.kind === "shown" || change === undefined) return [];
  return change.come.map(({ name, type }) => {
    const at = pathIn(path, name);
    return { kind: "answer", path: at, type, version: tree.entry(at)?.version };
  });
}

/** A view shows the files of the commit, and these are others. */
export function notPlain(label: string, renew: string): Reason {
  const message = `${label} is locked to what git archive makes of the commit, and what is read of it is judged by the commit's own files`;
  return lacking("view-unavailable", message, { remedy: `lock it as git+https instead: ${renew}` });
}

const WHOLE = "a derivation takes in the whole tree, so that each of its files is read";

async function allFiles({ repository, tree }: Prepared): Promise<SliceFile[]> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const leaves = [...tree.leaves()].filter(({ step }) => step.kind !== "submodule");
    const files: SliceFile[] = [];
    for await (const { item, id, content } of inOrder(objects, leaves, ({ step }) => blobOf(step))) {
      const sha256 = createHash("sha256").update(content).digest("hex");
      files.push({ path: item.path, mode: modeOf(item.step), id, sha256, use: "copied" });
    }
    return files;
  } finally {
    git.dispose();
  }
}

function asFile({ path, mode, id, sha256 }: OpenedFile): SliceFile {
  return { path, mode, id, sha256, use: "evaluated" };
}

/** Evidence that came in between: the next attempt shows them. */
function heldBack(refused: readonly OpenedFile[]): Reason {
  return lacking("not-covered", `${refused[0]!.path} was held back, and is covered by now`, {
    remedy: "ask again",
  });
}

async function readTree(
  repository: string,
  commit: CommitId,
): Promise<{ ok: true; tree: GitTree } | { ok: false; reason: Reason }> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    return { ok: true, tree: await GitTree.read(objects, await treeOf(objects, commit)) };
  } catch (error) {
    if (!(error instanceof GitTreeError)) throw error;
    const remedy = "check the repository with git fsck, and fetch it anew";
    return { ok: false, reason: lacking(error.code, error.message, { remedy }) };
  } finally {
    git.dispose();
  }
}
