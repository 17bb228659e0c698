/**
 * What trust in attributes of a flake rests on, beyond the flake's own files: what evaluating them reads of each input
 * that is judged by its slices. Evaluated by whoever asks, with everything shown: for people to look at.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { Source } from "@firstmile/trust/policy/policy";
import { found, type Reason } from "@firstmile/trust/verdict/verdict";
import { type ClosureDerivation, readClosure } from "../admission/closure.ts";
import { storeReader } from "../admission/derivation-reader.ts";
import { evaluateFlake } from "../admission/evaluate-flake.ts";
import { FlakeInputs } from "../admission/flake-inputs.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { AdmissionSlices, type SliceRead } from "../admission/slices.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
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
  const { nix, repositories, policy, statements, source, commit, dir, attrs, now } = question;
  const rules = { policy, statements };
  const slices = new AdmissionSlices({ repositories, clock: () => now, everything: true }, rules);
  const { authenticate = async ({ name }, id) => found("authentic", `${name} at ${id}`) } = question;
  const judge = (input: Source, id: CommitId): Promise<Reason> =>
    input.authenticate === "slice" ? slices.prepare(input, id) : authenticate(input, id);
  const shown = {
    show(input: Source, id: CommitId, stored: StorePath): undefined {
      slices.show(input, id, [stored], stored);
    },
  };
  const inputs = new FlakeInputs({ repositories, nix }, rules, judge);
  const refused = (await inputs.bring(source, commit, dir, shown)).find(({ ok }) => !ok);
  if (refused) return { ok: false, reason: refused };
  const repository = await repositories.directory(source);
  const { addresses } = inputs;
  const asked = { repository, commit, dir, attrs, verb: "build", addresses } as const;
  const evaluated = await evaluateFlake(slices.nix(nix), asked);
  if (!evaluated.ok) return evaluated;
  const reader = storeReader(nix);
  const closure = await readClosure(reader, evaluated.roots);
  if (!closure.ok) return closure;
  const { derivations } = closure;
  await slices.takenWhole(
    reader,
    [...derivations.values()].flatMap(({ derivation }) => derivation.inputSrcs),
  );
  return { ok: true, roots: evaluated.roots, derivations, reads: slices.files() };
}
