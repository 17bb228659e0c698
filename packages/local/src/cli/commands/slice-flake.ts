/** Slices of the inputs of a flake: `firstmile slice .#hello`. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { checkoutOf } from "../../asking/checkout.ts";
import { parseFlakeReference } from "../../asking/flake-reference.ts";
import { chooseSource } from "../../evidence/sources.ts";
import { judgedDownloads } from "../../slicing/downloads.ts";
import { type FlakeSlices, flakeSlices } from "../../slicing/flake-slices.ts";
import { lineCounts } from "../../slicing/slice-of.ts";
import { UserSources } from "../../slicing/user-sources.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import { nixToLook } from "../nix-to-look.ts";
import type { Rules } from "../rules.ts";
import type { ShownSlice } from "./slice-shown.ts";

/** One slice for each input of the flake that is judged by what is read of it. Throws `Failure`. */
export async function slicesOfFlake(
  context: FirstmileContext,
  rules: Rules,
  reference: string,
  flags: { readonly unsealed?: boolean } = {},
): Promise<ShownSlice[]> {
  const flake = parseFlakeReference(reference);
  if (flake.kind !== "local")
    throw badInput(
      `${reference} is not here`,
      "clone it, and name the checkout: .#x; or slice SOURCE REV -A ATTR",
    );
  const { root, inside, commit } = await checkoutOf(flake.path);
  const source = await chooseSource(rules.policy, root);
  const repositories = new UserSources(context.stateDir, new Map([[source.name, root]]));
  const nix = await nixToLook(context, flags);
  const { now, terminal } = context;
  terminal.progress("evaluating");
  const question = {
    nix,
    repositories,
    ...rules,
    source,
    commit: commit as CommitId,
    dir: inside,
    attrs: flake.attrs,
    now,
  };
  const outcome = await flakeSlices(question);
  if (!outcome.ok) {
    const { code, message, remedy } = outcome.reason;
    throw new Failure(EXIT.input, `${code}: ${message}`, remedy);
  }
  return Promise.all(outcome.reads.map((read) => shownOf(outcome, read, { words: reference, now })));
}

async function shownOf(
  { roots, derivations }: Extract<FlakeSlices, { ok: true }>,
  { source, commit, repository, gathered, judged }: Extract<FlakeSlices, { ok: true }>["reads"][number],
  { words, now }: { readonly words: string; readonly now: number },
): Promise<ShownSlice> {
  const lines = await lineCounts(repository, judged);
  const files = judged.map((one, i) => ({ ...one, lines: lines[i]! }));
  const slice = { commit, files, roots, derivations, how: "fuse" as const };
  const downloads = judgedDownloads(slice, gathered, now);
  return { repository, slice, source, origin: gathered.origin, words, gathered, downloads };
}
