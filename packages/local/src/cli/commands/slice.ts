/** `firstmile slice SOURCE [REV] -A ATTR`: what trust in an attribute rests on. */

import { failing } from "@firstmile/trust/slice/judged";
import { likenessOf } from "../../nearest/ladder-of.ts";
import { judgedDownloads } from "../../slicing/downloads.ts";
import { gatherCase } from "../../slicing/gather.ts";
import { sliceOf } from "../../slicing/slice-of.ts";
import type { StatementPlace } from "../../statements/place.ts";
import type { FirstmileContext } from "../context.ts";
import { EXIT, Failure } from "../failure.ts";
import { nixToLook } from "../nix-to-look.ts";
import { rulesToJudgeBy } from "../rules.ts";
import type { SliceFlags } from "./slice.command.ts";
import { differenceJson, showDifference } from "./slice-difference.ts";
import { slicesOfFlake } from "./slice-flake.ts";
import { isWhole, SHOWN, type ShownSlice, showSlice, sliceJson } from "./slice-shown.ts";
import { type SliceTarget, sliceTarget } from "./slice-target.ts";

export async function slice(
  this: FirstmileContext,
  flags: SliceFlags,
  named: string,
  revision?: string,
): Promise<void> {
  const reader = await SliceReader.open(this, flags);
  if (named.includes("#")) return flake.call(this, flags, reader, named);
  const shown = await reader.read(await reader.target(named, revision));
  if (flags.diff !== undefined) {
    const other = await reader.read(await reader.target(named, flags.diff));
    if (flags.json) this.terminal.json(differenceJson(shown, other));
    else await showDifference(this.terminal, shown, other);
    return this.exit(isWhole(other) ? EXIT.ok : EXIT.denied);
  }
  if (flags.json) this.terminal.json(sliceJson(shown));
  else showSlice(this.terminal, { ...shown, likeness: await likeness(this, shown) }, flags.all);
  this.exit(isWhole(shown) ? EXIT.ok : EXIT.denied);
}

/** What the open files that are listed are like. */
function likeness(
  { stateDir, terminal }: FirstmileContext,
  { slice: { files }, gathered: { coverage }, repository }: ShownSlice,
): Promise<ReadonlyMap<string, string>> {
  terminal.progress("looking for what was read before");
  return likenessOf(failing(files).slice(0, SHOWN), { repository, coverage, stateDir });
}

async function flake(
  this: FirstmileContext,
  flags: SliceFlags,
  { rules }: SliceReader,
  named: string,
): Promise<void> {
  const all = await slicesOfFlake(this, rules, named, flags);
  if (flags.json) this.terminal.json(all.map(sliceJson));
  else for (const one of all) showSlice(this.terminal, one, flags.all);
  if (all.length === 0) this.terminal.print("no input of this flake is judged by what is read of it");
  this.exit(all.every(isWhole) ? EXIT.ok : EXIT.denied);
}

interface Asked {
  readonly attr?: readonly string[];
  readonly file?: string;
  readonly policy?: string;
  readonly unsealed?: boolean;
}

/** Evaluates slices of what a person names, under one set of rules. */
export class SliceReader {
  readonly context: FirstmileContext;
  readonly rules: Awaited<ReturnType<typeof rulesToJudgeBy>>;
  readonly #asked: Asked;
  #nix: ReturnType<typeof nixToLook> | undefined;

  private constructor(context: FirstmileContext, asked: Asked, rules: SliceReader["rules"]) {
    this.context = context;
    this.rules = rules;
    this.#asked = asked;
  }

  static async open(context: FirstmileContext, asked: Asked): Promise<SliceReader> {
    return new SliceReader(context, asked, await rulesToJudgeBy(context, asked.policy));
  }

  target(named: string, revision: string | undefined): Promise<SliceTarget> {
    return sliceTarget(this.context, this.rules.policy, named, revision);
  }

  /** With statements of further places. Throws `Failure` where it cannot be evaluated. */
  async read(target: SliceTarget, places: readonly StatementPlace[] = []): Promise<ShownSlice> {
    const { policy } = this.rules;
    const statements = [...this.rules.statements, ...places];
    const { now, terminal } = this.context;
    terminal.progress(`reading what speaks for ${target.source.name}`);
    const gathered = await gatherCase({ ...target, policy, statements, now });
    terminal.progress("evaluating");
    this.#nix ??= nixToLook(this.context, this.#asked);
    const { attr: attrs = [], file = "default.nix" } = this.#asked;
    const outcome = await sliceOf(await this.#nix, { ...target, file, attrs, argstr: {} }, gathered);
    if (!outcome.ok) {
      const { code, message, remedy } = outcome.reason;
      throw new Failure(EXIT.input, `${code}: ${message}`, remedy);
    }
    const words = [
      ...(file === "default.nix" ? [] : [`-f ${file}`]),
      ...attrs.map((attr) => `-A ${attr}`),
    ].join(" ");
    const { slice } = outcome;
    const downloads = judgedDownloads(slice, gathered, now);
    const { repository } = target;
    return {
      repository,
      slice,
      source: gathered.source,
      origin: gathered.origin,
      words,
      gathered,
      downloads,
    };
  }
}
