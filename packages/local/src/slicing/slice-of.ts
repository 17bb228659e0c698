/**
 * What trust in some attributes of a source rests on: the files that evaluating them reads, the derivations that they
 * give and the sources that these download, each with who covers it. Evaluated by whoever asks, with everything shown:
 * it is for people to look at, and admits nothing.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { type JudgedFile, judgeFiles } from "@firstmile/trust/slice/judged";
import type { JudgedNames } from "@firstmile/trust/slice/names-coverage";
import type { TreeName as OddName } from "@firstmile/trust/slice/names-reason";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { ClosureDerivation } from "../admission/closure.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { countLines } from "../reviewing/measure.ts";
import { readSealed } from "../sealing/sealed-closure.ts";
import type { ViewResult } from "../view/view.ts";
import { observing } from "./allowed.ts";
import { evaluateSlice, type SliceRequest } from "./evaluate.ts";
import type { GatheredCase } from "./gather.ts";
import { oddIn } from "./odd-names.ts";
import { TreeNames } from "./tree-names.ts";

/** A judged file with how long it is. */
export interface SlicedFile extends JudgedFile {
  readonly lines: number;
}

export interface Slice {
  readonly commit: CommitId;
  /** In the order of paths. */
  readonly files: readonly SlicedFile[];
  /** Listings, then names that were asked for, each in the order of paths. */
  readonly names: readonly JudgedNames[];
  /** In directories that are listed: names that no reading names, and that others may take for more. */
  readonly odd: readonly OddName[];
  readonly roots: readonly DrvPath[];
  readonly derivations: ReadonlyMap<DrvPath, ClosureDerivation>;
  readonly how: ViewResult["how"];
}

export type SliceOutcome =
  | { readonly ok: true; readonly slice: Slice }
  | { readonly ok: false; readonly reason: Reason };

export async function sliceOf(
  nix: NixTools,
  request: SliceRequest,
  gathered: Pick<GatheredCase, "coverage" | "names">,
): Promise<SliceOutcome> {
  const evaluated = await evaluateSlice(nix, request, (tree) => observing(tree, gathered));
  if (!evaluated.ok) return { ok: false, reason: evaluated.reason };
  await using _seal = evaluated.seal;
  using sealed = await readSealed(nix, evaluated);
  const { closure } = sealed;
  if (!closure.ok) return { ok: false, reason: closure.reason };
  const judged = judgeFiles(gathered.coverage, evaluated.files);
  const lines = await lineCounts(request.repository, judged);
  const files = judged.map((one, i) => ({ ...one, lines: lines[i]! }));
  const { roots, how } = evaluated;
  const names = gathered.names.judge(evaluated.names, evaluated.deciding);
  const odd = oddIn(evaluated.names, new TreeNames(evaluated.tree), gathered);
  const { commit } = request;
  return { ok: true, slice: { commit, files, names, odd, roots, derivations: closure.derivations, how } };
}

/** The derivations that download something. */
export function downloadsIn({ derivations }: Pick<Slice, "derivations">): [DrvPath, ClosureDerivation][] {
  return [...derivations].filter(([, { derivation }]) => derivationKind(derivation) === "fixed");
}

/** How many lines each file has, in the order given. */
export async function lineCounts(repository: string, files: readonly JudgedFile[]): Promise<number[]> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const counts = new Array<number>(files.length).fill(0);
    await objects.each(
      files.map(({ file }) => file.id),
      (object, place) => {
        if (object && !("oversized" in object)) counts[place] = countLines(object.content);
      },
    );
    return counts;
  } finally {
    git.dispose();
  }
}
