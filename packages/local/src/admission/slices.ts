/**
 * Sources of which only what an evaluation reads has to be covered.
 *
 * Claims: such a tree is evaluated through views that show covered files alone, so that nothing anybody wrote is
 * evaluated here unread; and what was read is judged once more by its content, and kept with the admission, so that
 * it is judged again under tomorrow's rules. Against: a file that was exchanged between being allowed and being read.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { Source } from "@firstmile/trust/policy/policy";
import type { SliceFile } from "@firstmile/trust/slice/file";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { sliceReason } from "@firstmile/trust/slice/reason";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Basis } from "../gate/ledger.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { GitTree, GitTreeError } from "../git/git-tree.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { allowedIn } from "../slicing/allowed.ts";
import { type GatheredCase, gatherCase } from "../slicing/gather.ts";
import { pathInTree } from "../slicing/path-in-tree.ts";
import { readFiles } from "../slicing/read-files.ts";
import { type ViewedNix, viewedNix } from "../slicing/viewed-nix.ts";
import { tellingUnread } from "../statements/unread.ts";
import type { OpenedFile, ViewTree } from "../view/view.ts";
import type { NixTools } from "./nix-tools.ts";
import type { SourceRepositories } from "./source-repositories.ts";
import { treeOf } from "./tree-of.ts";

export interface SlicesOptions {
  readonly repositories: SourceRepositories;
  /** Unix seconds. */
  readonly clock: () => number;
}

interface Viewed {
  readonly source: Source;
  readonly commit: CommitId;
  readonly gathered: GatheredCase;
  readonly tree: GitTree;
  readonly view: ViewTree;
}

export interface JudgedSlices {
  readonly reasons: readonly Reason[];
  readonly basis: readonly (Basis & { readonly files: readonly SliceFile[] })[];
}

/** The slices of one admission. */
export class AdmissionSlices {
  readonly #options: SlicesOptions;
  readonly #rules: RulesInForce;
  readonly #viewed: Viewed[] = [];
  #nix: ViewedNix | undefined;

  constructor(options: SlicesOptions, rules: RulesInForce) {
    this.#options = options;
    this.#rules = rules;
  }

  /**
   * Has the tree of a commit seen at `at` while something is evaluated. What comes back says whether the commit is of
   * this source; where it is not, nothing is in view.
   */
  async show(source: Source, commit: CommitId, at: string): Promise<Reason> {
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
    const rules = allowedIn(read.tree, gathered.coverage);
    const { tree } = read;
    this.#viewed.push({ source, commit, gathered, tree, view: { repository, tree: read.root, at, rules } });
    return tellingUnread(gathered.origin, gathered.incomplete);
  }

  /** A path in the tree that was shown last, if it stays in it. */
  path(file: string): string | Reason {
    return pathInTree(this.#viewed.at(-1)!.tree, file);
  }

  /** Nix with all of them in view; itself where there are none. */
  nix(nix: NixTools): NixTools {
    if (this.#viewed.length === 0) return nix;
    this.#nix = viewedNix(
      nix,
      this.#viewed.map(({ view }) => view),
    );
    return this.#nix.nix;
  }

  /** What was read, judged; `words` say what was evaluated. To be asked after Nix has ended, well or not. */
  judge(words: string): JudgedSlices {
    const judged = this.#viewed.map((viewed, i) => this.#judgeOne(viewed, i, words));
    return { reasons: judged.flatMap(({ reasons }) => reasons), basis: judged.map(({ basis }) => basis) };
  }

  #judgeOne({ source, commit, gathered }: Viewed, index: number, words: string) {
    const record = this.#nix?.record() ?? { files: [], directories: [], broken: [] };
    const { files, refused } = readFiles(record, index);
    const all = [...files, ...refused.map(asFile)];
    const question = { source: gathered.source, commit, words, coverage: gathered.coverage };
    const reason = sliceReason(question, judgeFiles(gathered.coverage, all));
    const reasons = reason.ok && refused.length > 0 ? [reason, heldBack(refused)] : [reason];
    return { reasons, basis: { source: source.name, commit, files } };
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
): Promise<{ ok: true; tree: GitTree; root: ObjectId } | { ok: false; reason: Reason }> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const root = await treeOf(objects, commit);
    return { ok: true, root, tree: await GitTree.read(objects, root) };
  } catch (error) {
    if (!(error instanceof GitTreeError)) throw error;
    const remedy = "check the repository with git fsck, and fetch it anew";
    return { ok: false, reason: lacking(error.code, error.message, { remedy }) };
  } finally {
    git.dispose();
  }
}
