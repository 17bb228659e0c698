/**
 * What trust in attributes of a file rests on, the trees that it pins included: what evaluating them reads of each that is
 * judged by its slices. Evaluated by whoever asks, with everything shown: for people to look at.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import { found, type Reason } from "@firstmile/trust/verdict/verdict";
import { evaluateFile } from "../admission/evaluate-file.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { AdmissionSlices } from "../admission/slices.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { evaluatePinned } from "../pins/evaluate-pinned.ts";
import { PinSearch } from "../pins/pin-search.ts";
import { PinnedTrees } from "../pins/pinned-trees.ts";
import { treePlace } from "../sealing/places.ts";
import type { StatementPlace } from "../statements/place.ts";
import { type FlakeSlices, readSlices } from "./flake-slices.ts";

export interface FileSlicesQuestion {
  readonly nix: NixTools;
  /** Where the sources' objects are, or are fetched to; the file's own among them. */
  readonly repositories: SourceRepositories;
  readonly policy: ResolvedPolicy;
  readonly statements: readonly StatementPlace[];
  /** The file's own, judged by its slices. */
  readonly source: Source;
  readonly commit: CommitId;
  /** Paths such as `./.` take their name from it. */
  readonly directoryName: string;
  readonly file: string;
  readonly attrs: readonly string[];
  /** Unix seconds. */
  readonly now: number;
}

/** All that stands against it, where it cannot be evaluated. */
export type FileSlices =
  | Extract<FlakeSlices, { ok: true }>
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** Throws `NixError`, `RepositoryError`, `ViewError` where these cannot be had at all. */
export async function fileSlices(question: FileSlicesQuestion): Promise<FileSlices> {
  const treesDir = mkdtempSync(join(tmpdir(), "firstmile-slices-"));
  try {
    return await evaluatedBeside(question, treesDir);
  } finally {
    rmSync(treesDir, { recursive: true, force: true });
  }
}

async function evaluatedBeside(question: FileSlicesQuestion, treesDir: string): Promise<FileSlices> {
  const { nix, repositories, policy, statements, source, commit, file, attrs, now } = question;
  const rules = { policy, statements };
  const slices = new AdmissionSlices({ repositories, clock: () => now, everything: true }, rules);
  const origin = await slices.prepare(source, commit);
  if (!origin.ok) return { ok: false, reasons: [origin] };
  const treeDir = treePlace(question.directoryName);
  slices.show(source, commit, treeDir);
  const path = slices.path(file);
  if (typeof path !== "string") return { ok: false, reasons: [path] };
  const options = {
    repositories,
    nix,
    rules,
    treesDir,
    // Whether the commits of other pins are authentic is asked elsewhere: here it is read what they come to.
    authenticate: async (input: Source, id: CommitId) => found("authentic", `${input.name} at ${id}`),
    prepare: (input: Source, id: CommitId) => slices.prepare(input, id),
    show: (input: Source, id: CommitId, stored: StorePath) => slices.show(input, id, stored, stored),
  };
  using pins = new PinnedTrees(options, new PinSearch(repositories, source, commit, file));
  const evaluated = await evaluatePinned(nix, pins, ({ seal, env, addresses }) => {
    const { more, note: read, views } = slices;
    const asked = { treeDir, file: path, attrs, argstr: {}, addresses, env, more, read };
    return evaluateFile(nix, asked, { ...seal, views });
  });
  return evaluated.ok ? readSlices(nix, slices, evaluated) : evaluated;
}
