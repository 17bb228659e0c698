/**
 * What trust in some attributes of a source rests on: the files that evaluating them reads, the derivations that they
 * give and the sources that these download, each with who covers it. Evaluated by whoever asks, with everything shown:
 * it is for people to look at, and admits nothing.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { type JudgedFile, judgeFiles } from "@firstmile/trust/slice/judged";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { ClosureDerivation } from "../admission/closure.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { countLines } from "../reviewing/measure.ts";
import { readSealed } from "../sealing/sealed-closure.ts";
import type { ViewResult } from "../view/view.ts";
import { evaluateSlice, type SliceRequest } from "./evaluate.ts";
import type { GatheredCase } from "./gather.ts";

/** A judged file with how long it is. */
export interface SlicedFile extends JudgedFile {
  readonly lines: number;
}

export interface Slice {
  readonly commit: CommitId;
  /** In the order of paths. */
  readonly files: readonly SlicedFile[];
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
  { coverage }: Pick<GatheredCase, "coverage">,
): Promise<SliceOutcome> {
  const evaluated = await evaluateSlice(nix, request, () => ({ kind: "observe" }));
  if (!evaluated.ok) return { ok: false, reason: evaluated.reason };
  await using _seal = evaluated.seal;
  using sealed = await readSealed(nix, evaluated);
  const { closure } = sealed;
  if (!closure.ok) return { ok: false, reason: closure.reason };
  const judged = judgeFiles(coverage, evaluated.files);
  const lines = await lineCounts(request.repository, judged);
  const files = judged.map((one, i) => ({ ...one, lines: lines[i]! }));
  const { roots, how } = evaluated;
  return { ok: true, slice: { commit: request.commit, files, roots, derivations: closure.derivations, how } };
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
