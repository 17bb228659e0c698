/** `firstmile channel publish SOURCE [REV] -A ATTR`: a curator's word for all that some attributes read. */
import { partsText } from "@firstmile/trust/slice/reason";
import { nixTools } from "../../admission/nix-tools.ts";
import { draftChannels } from "../../channel/draft.ts";
import { type PublishingPlace, publishingPlace } from "../../channel/place.ts";
import { type KeptStatement, signAndKeep } from "../../reviewing/keep.ts";
import { readyKey, readyPlace } from "../../reviewing/ready.ts";
import type { UserKey } from "../../signing/user-key.ts";
import type { SlicedFile } from "../../slicing/slice-of.ts";
import { askYes } from "../ask-yes.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import type { PublishFlags } from "./channel.command.ts";
import { areCovered, isCovered, publishedText, showPublication } from "./channel-publish-shown.ts";
import { SliceReader } from "./slice.ts";
import { slicesOfFlake } from "./slice-flake.ts";
import type { ShownSlice } from "./slice-shown.ts";

export async function publish(
  this: FirstmileContext,
  flags: PublishFlags,
  named: string,
  revision?: string,
): Promise<void> {
  if (flags.json && !flags.yes) throw badInput("nobody is asked with --json", "say --yes");
  const reader = await SliceReader.open(this, flags);
  const isFlake = named.includes("#");
  const target = isFlake ? undefined : await reader.target(named, revision);
  const to = await placeOf(this, flags, target?.repository);
  // What would stop the signature is found before anything is evaluated.
  const user = await readyKey(to.place.kind === "ref" ? to.place.repository : this.cwd);
  await readyPlace(to.place);
  const shown = target ? [await reader.read(target)] : await slicesOfFlake(this, reader.rules, named);
  if (shown.length === 0) throw badInput(`no input of ${named} is judged by what is read of it`);
  if (!flags.json) for (const one of shown) showPublication(this.terminal, one);
  for (const one of shown) requirePublishable(one, flags.vouchAll);
  const question = `Vouch for ${shown.map(vouchedFor).join(" and ")}?`;
  if (!(await askYes(this, question, flags.yes))) {
    this.terminal.say("nothing was signed");
    return this.exit(EXIT.denied);
  }
  const kept = await new Publisher(this, { to, user }).publish(shown, flags, named);
  if (flags.json) this.terminal.json(shown.map((one, i) => asJson(one, kept[i]!)));
  else for (const line of publishedText(kept.flat(), to)) this.terminal.print(line);
}

/** Into a checkout that was named, or the one that somebody stands in; what is fetched belongs to nobody. */
async function placeOf(
  { cwd, stateDir }: FirstmileContext,
  { to }: PublishFlags,
  repository: string | undefined,
): Promise<PublishingPlace> {
  const isOwn = repository !== undefined && !repository.startsWith(`${stateDir}/`);
  const place = await publishingPlace(cwd, to, isOwn ? repository : undefined);
  if (place) return place;
  throw badInput("there is no repository here to publish in", "name one, or a directory: --to DIR");
}

const REFUSED: ReadonlySet<SlicedFile["standing"]["kind"]> = new Set(["rejected", "distrusted"]);

/** Whether one's own rules let one say so. What somebody speaks against is vouched for by nobody. */
function requirePublishable({ slice, origin, source, words }: ShownSlice, vouchAll: boolean): void {
  if (!origin.ok) throw new Failure(EXIT.denied, `${origin.code}: ${origin.message}`, origin.remedy);
  if (slice.files.length === 0) throw badInput("nothing is read of it, so there is nothing to vouch for");
  if (slice.files.some(({ standing }) => REFUSED.has(standing.kind)))
    throw new Failure(
      EXIT.denied,
      "your own rules distrust or reject some of these files, so they cannot be published",
    );
  if (slice.names.some(({ standing }) => standing.kind === "rejected" || standing.kind === "distrusted"))
    throw new Failure(
      EXIT.denied,
      "your own rules distrust or reject some of these files, so they cannot be published",
    );
  const open = slice.files.filter((one) => !isCovered(one)).length;
  const names = slice.names.filter((one) => !areCovered(one)).length;
  if (open + names === 0 || vouchAll) return;
  const what =
    open > 0
      ? `${open} of ${slice.files.length} files`
      : `the names of ${names} of ${slice.names.length} directories and asked names`;
  const message = `${what} are not covered by your own rules, and nothing was signed`;
  const review = `firstmile review ${source.name} ${slice.commit.slice(0, 12)} ${words}`.trimEnd();
  throw new Failure(EXIT.denied, message, `${review}; or, if you know them otherwise: --vouch-all`);
}

function vouchedFor({ slice, source }: ShownSlice): string {
  return `${partsText([...slice.files, ...slice.names])} of ${source.name} at ${slice.commit.slice(0, 12)}`;
}

interface Means {
  readonly to: PublishingPlace;
  readonly user: UserKey;
}

class Publisher {
  readonly #context: FirstmileContext;
  readonly #means: Means;

  constructor(context: FirstmileContext, means: Means) {
    this.#context = context;
    this.#means = means;
  }

  /** For each slice, what was kept of it. */
  async publish(
    shown: readonly ShownSlice[],
    flags: PublishFlags,
    named: string,
  ): Promise<KeptStatement[][]> {
    const { system } = await nixTools(this.#context.env);
    const { user, to } = this.#means;
    const kept: KeptStatement[][] = [];
    for (const { slice, source } of shown) {
      const attributes = attributesOf(flags, named);
      const said = { commit: slice.commit, source: source.name, attributes, system };
      const files = slice.files.map(({ file }) => file);
      const names = slice.names.map((one) => one.names);
      const drafts = draftChannels(said, files, names);
      kept.push(await signAndKeep(drafts, { user, place: to.place, now: this.#context.now }));
    }
    return kept;
  }
}

/** For people: `default.nix -A hello`. Of a flake by what stands behind `#`, since where it lies is nobody else's. */
function attributesOf({ attr = [], file = "default.nix" }: PublishFlags, named: string): string[] {
  if (named.includes("#")) return [`flake ${named.slice(named.indexOf("#"))}`];
  return attr.length === 0 ? [file] : attr.map((one) => `${file} -A ${one}`).sort();
}

function asJson({ slice, source, words }: ShownSlice, statements: readonly KeptStatement[]): unknown {
  const covered = slice.files.filter(isCovered).length;
  const { commit, files } = slice;
  const names = { all: slice.names.length, covered: slice.names.filter(areCovered).length };
  return { source: source.name, commit, words, files: files.length, covered, names, statements };
}
