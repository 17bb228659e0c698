/**
 * Evaluates a file of a tree through a view of it, and says what it read.
 *
 * Claims: the derivations are those that the same expression gives in a checkout; every file of the tree that they rest
 * on is in the list, with its content. Where the view enforces, an evaluation that would read anything else fails, and
 * the refused files are told; likewise what names told it. Against: an unsigned file among thousands, a name that code
 * takes for more. Leaves out what evaluate-file.ts leaves out.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { SliceFile } from "@firstmile/trust/slice/file";
import type { SliceNames } from "@firstmile/trust/slice/names";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { type Evaluated, evaluateFile } from "../admission/evaluate-file.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { treeOf } from "../admission/tree-of.ts";
import { GitTree } from "../git/git-tree.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import type { ReadInSeal } from "../sealing/evaluate.ts";
import { treePlace } from "../sealing/places.ts";
import type { OpenedFile, ViewRecord, ViewResult, ViewRules } from "../view/view.ts";
import { pathInTree } from "./path-in-tree.ts";
import { readFiles } from "./read-files.ts";
import { readNames } from "./read-names.ts";
import { withUses } from "./uses.ts";

export interface SliceRequest {
  /** Path of a Git repository that has the commit. */
  readonly repository: string;
  readonly commit: CommitId;
  /** Paths such as `./.` take their name from it. */
  readonly directoryName: string;
  readonly file: string;
  readonly attrs: readonly string[];
  readonly argstr: Readonly<Record<string, string>>;
}

export type EvaluatedSlice = {
  /** What was read before it ended, each file once, in the order of paths. */
  readonly files: readonly SliceFile[];
  /** Files that the view held back. */
  readonly refused: readonly OpenedFile[];
  /** What names told it. */
  readonly names: readonly SliceNames[];
  /** Paths of names that nothing covers, and that decide what comes out. */
  readonly deciding: ReadonlySet<string>;
  readonly tree: GitTree;
  readonly how: ViewResult["how"];
} & (Evaluated | { readonly ok: false; readonly reason: Reason });

/** `rulesFor` gives the view's rules for the tree. Throws `NixError`, `RepositoryError`, `GitTreeError`, `ViewError`. */
export async function evaluateSlice(
  nix: NixTools,
  request: SliceRequest,
  rulesFor: (tree: GitTree) => ViewRules,
): Promise<EvaluatedSlice> {
  const { tree, root } = await readTree(request);
  const path = pathInTree(tree, request.file);
  if (typeof path !== "string") return { ok: false, reason: path, ...filesRead(undefined, ""), tree };
  const treeDir = nix.unsealed?.place(request.directoryName) ?? treePlace(request.directoryName);
  const view = { repository: request.repository, tree: root, at: treeDir, rules: rulesFor(tree) };
  let read: ReadInSeal | undefined;
  const question = { treeDir, file: path, attrs: request.attrs, argstr: request.argstr, more: ["-vv"] };
  const noted = { ...question, read: (what: ReadInSeal) => (read = what) };
  const evaluated = await evaluateFile(nix, noted, { views: [view] });
  const all = { ...filesRead(read, treeDir), tree };
  if (evaluated.ok) return { ...evaluated, ...all };
  return { ok: false, reason: read ? explained(evaluated.reason, read.record) : evaluated.reason, ...all };
}

/** Undefined: there was no evaluation. */
function filesRead(read: ReadInSeal | undefined, treeDir: string) {
  if (read === undefined)
    return { files: [], refused: [], names: [], deciding: new Set<string>(), how: "fuse" as const };
  const { record, namesDecide, how } = read;
  const { files, refused } = readFiles(record, new Set([0]));
  const names = readNames(record, new Set([0]));
  const deciding = new Set(namesDecide ? record.hidden.map(({ path }) => path) : []);
  return { files: withUses(files, read.log, treeDir), refused, names, deciding, how };
}

async function readTree({ repository, commit }: SliceRequest): Promise<{ tree: GitTree; root: ObjectId }> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const root = await treeOf(objects, commit);
    return { tree: await GitTree.read(objects, root), root };
  } finally {
    git.dispose();
  }
}

/** A file that cannot be read as what its tree names is told before whatever Nix made of that. */
function explained(reason: Reason, { broken }: ViewRecord): Reason {
  const [first] = broken;
  return first ? lacking("corrupt-object", `${first.path}: ${first.reason}`, { because: [reason] }) : reason;
}
