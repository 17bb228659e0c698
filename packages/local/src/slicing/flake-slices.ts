/**
 * What trust in attributes of a flake rests on, beyond the flake's own files: what evaluating them reads of each input
 * that is judged by its slices. Evaluated by whoever asks, with everything shown: for people to look at.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import { found, type Reason } from "@firstmile/trust/verdict/verdict";
import type { ClosureDerivation } from "../admission/closure.ts";
import type { Evaluated } from "../admission/evaluate-file.ts";
import { evaluateFlake } from "../admission/evaluate-flake.ts";
import { FlakeInputs } from "../admission/flake-inputs.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { AdmissionSlices, type SliceRead } from "../admission/slices.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { readSealed } from "../sealing/sealed-closure.ts";
import type { StatementPlace } from "../statements/place.ts";

export interface FlakeSlicesQuestion {
  readonly nix: NixTools;
  /** Where the sources' objects are, or are fetched to; the flake's own among them. */
  readonly repositories: SourceRepositories;
  readonly policy: ResolvedPolicy;
  readonly statements: readonly StatementPlace[];
  /** The flake's own. */
  readonly source: Source;
  readonly commit: CommitId;
  /** Directory of the flake in the tree; "" for the root. */
  readonly dir: string;
  /** As behind `#`. */
  readonly attrs: readonly string[];
  /** Whether a commit of an input that is judged by its commits is authentic; undefined: that is asked elsewhere. */
  readonly authenticate?: (source: Source, commit: CommitId) => Promise<Reason>;
  /** Unix seconds. */
  readonly now: number;
}

export type FlakeSlices =
  | {
      readonly ok: true;
      readonly roots: readonly DrvPath[];
      readonly derivations: ReadonlyMap<DrvPath, ClosureDerivation>;
      /** In the lock's order. */
      readonly reads: readonly SliceRead[];
    }
  | { readonly ok: false; readonly reason: Reason };

/** Throws `NixError`, `RepositoryError`, `ViewError` where these cannot be had at all. */
export async function flakeSlices(question: FlakeSlicesQuestion): Promise<FlakeSlices> {
  const treesDir = mkdtempSync(join(tmpdir(), "firstmile-slices-"));
  try {
    const outcome = await evaluatedBeside(question, treesDir);
    return outcome.ok ? outcome : { ok: false, reason: outcome.reasons[0]! };
  } finally {
    rmSync(treesDir, { recursive: true, force: true });
  }
}

async function evaluatedBeside(question: FlakeSlicesQuestion, treesDir: string): Promise<ReadSlices> {
  const { nix, repositories, policy, statements, source, commit, dir, attrs, now } = question;
  const rules = { policy, statements };
  const slices = new AdmissionSlices({ repositories, clock: () => now, everything: true }, rules);
  const { authenticate = async ({ name }, id) => found("authentic", `${name} at ${id}`) } = question;
  const judge = (input: Source, id: CommitId): Promise<Reason> =>
    input.authenticate === "slice" ? slices.prepare(input, id) : authenticate(input, id);
  const show = (input: Source, id: CommitId, stored: StorePath) => slices.show(input, id, stored, stored);
  const inputs = new FlakeInputs({ repositories, nix, treesDir, show }, rules, judge);
  const refused = (await inputs.bring(source, commit, dir)).find(({ ok }) => !ok);
  if (refused) return { ok: false, reasons: [refused] };
  const repository = await repositories.directory(source);
  const { more, note: read, views } = slices;
  const asked = { repository, commit, dir, attrs, verb: "build", treesDir, more, read } as const;
  const evaluated = await evaluateFlake(nix, asked, { inputs: inputs.trees, views });
  return evaluated.ok ? readSlices(nix, slices, evaluated) : { ok: false, reasons: [evaluated.reason] };
}

type ReadSlices =
  | Extract<FlakeSlices, { ok: true }>
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** What an evaluation came to, and what it read. Disposes of its seal: nothing is brought into the real store. */
export async function readSlices(
  nix: NixTools,
  slices: AdmissionSlices,
  evaluated: Evaluated,
): Promise<ReadSlices> {
  await using _seal = evaluated.seal;
  using sealed = await readSealed(nix, evaluated);
  const { closure, reader } = sealed;
  if (!closure.ok) return { ok: false, reasons: [closure.reason] };
  const { derivations } = closure;
  await slices.takenWhole(
    reader,
    [...derivations.values()].flatMap(({ derivation }) => derivation.inputSrcs),
  );
  return { ok: true, roots: evaluated.roots, derivations, reads: slices.files() };
}
