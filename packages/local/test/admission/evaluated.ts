/** Evaluations in a seal, as far as most tests ask: the derivations or the reason, and the seal is gone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { type Evaluated, evaluateDirectory, type FileQuestion } from "../../src/admission/evaluate-file.ts";
import { evaluateFlake, type FlakeQuestion } from "../../src/admission/evaluate-flake.ts";
import type { NixTools } from "../../src/admission/nix-tools.ts";
import type { NotEvaluated } from "../../src/sealing/evaluate.ts";
import { treePlace } from "../../src/sealing/places.ts";
import type { SealRequest } from "../../src/sealing/seal.ts";

export type Told = { readonly ok: true; readonly roots: readonly DrvPath[] } | NotEvaluated;

export async function told(evaluated: Evaluated | NotEvaluated): Promise<Told> {
  if (!evaluated.ok) return evaluated;
  await evaluated.seal[Symbol.asyncDispose]();
  return { ok: true, roots: evaluated.roots };
}

export interface DirectoryQuestion extends Partial<Omit<FileQuestion, "treeDir" | "file">> {
  /** Of this machine; seen under its own name. */
  readonly tree: string;
  readonly file: string;
}

export async function tellFile(
  nix: NixTools,
  question: DirectoryQuestion,
  seal?: SealRequest,
): Promise<Told> {
  const { tree, ...rest } = question;
  const asked = { treeDir: treePlace(basename(tree)), attrs: [], argstr: {}, ...rest };
  return told(await evaluateDirectory(nix, tree, asked, seal));
}

export async function tellFlake(
  nix: NixTools,
  question: Omit<FlakeQuestion, "treesDir">,
  seal?: SealRequest,
): Promise<Told> {
  const treesDir = mkdtempSync(join(tmpdir(), `told-${process.pid}-`));
  try {
    return await told(await evaluateFlake(nix, { ...question, treesDir }, seal));
  } finally {
    rmSync(treesDir, { recursive: true, force: true });
  }
}
