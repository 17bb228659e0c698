/**
 * `firstmile review SOURCE [REV] -A ATTR`: one sitting. Shows what is left to read of a slice, the smallest first, asks
 * about each, and signs at its end what was said.
 */
import { failing } from "@firstmile/trust/slice/judged";
import { failingNames } from "@firstmile/trust/slice/names-reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { neutralGit } from "../../git/neutral.ts";
import { type ForReader, forReader } from "../../reviewing/for-reader.ts";
import { type GoneFile, goneFiles } from "../../reviewing/gone-files.ts";
import { type KeptStatement, signAndKeep } from "../../reviewing/keep.ts";
import { type NamesWork, namesForReader, namesWork } from "../../reviewing/names-work.ts";
import { besides, placeFor } from "../../reviewing/place-for.ts";
import { ReviewMaterial } from "../../reviewing/read-change.ts";
import { readyKey, readyPlace } from "../../reviewing/ready.ts";
import { draftSitting, type SaidOfSitting } from "../../reviewing/sitting.ts";
import { type FoundWork, findWork, isOpen } from "../../reviewing/work.ts";
import { type Signer, signerUnder } from "../../signing/signer.ts";
import type { UserKey } from "../../signing/user-key.ts";
import { named } from "../../slicing/files-at.ts";
import type { WritablePlace } from "../../statements/write.ts";
import { isAtTerminal } from "../at-terminal.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { wrap } from "../terminal.ts";
import type { ReviewFlags } from "./review.command.ts";
import { isFlake, type ReviewFiles, ReviewReader } from "./review-files.ts";
import { INTERRUPTED, Interruption } from "./review-interruption.ts";
import { WorkShower } from "./review-shower.ts";
import { warn } from "./review-shown.ts";
import { Sitter, type Sitting } from "./review-sitting.ts";
import {
  closedText,
  sittingJson,
  tellNames,
  tellOpening,
  tellSitting,
  tellUnreadable,
} from "./review-sitting-shown.ts";
import { coverageLine } from "./slice-shown.ts";

export async function reviewSlice(
  context: FirstmileContext,
  flags: ReviewFlags,
  named: string,
  revision: string | undefined,
): Promise<void> {
  checkFlags(flags);
  const reader = await ReviewReader.open(context, flags);
  const own = reader.ownRepository(named);
  if (flags.to === undefined && own === undefined)
    throw badInput(
      `${named} is fetched, and is no repository of yours to keep a review in`,
      "name a checkout of it, or --to DIR: a checkout of your trust repository",
    );
  const repository = own ?? context.cwd;
  const place = placeFor(context.cwd, flags.to, repository);
  const user = await readyKey(repository);
  await readyPlace(place);
  const review = new SliceReview(context, flags, reader, { place, user });
  const all = await reader.read(named, revision, besides(place));
  const done: unknown[] = [];
  for (const read of all) done.push(await review.run(read));
  if (flags.json) context.terminal.json(isFlake(named) ? done : done[0]);
}

function checkFlags({ yes, reject, json, path }: ReviewFlags): void {
  if (!yes && !reject && (json || !isAtTerminal()))
    throw badInput(
      "nobody can be asked here",
      "say --yes to approve, --reject to reject, --list to see what there is",
    );
  if (reject && !path?.length) throw badInput("--reject of what?", "name it: --path PATH");
}

interface Means {
  readonly place: WritablePlace;
  readonly user: UserKey;
}

class SliceReview {
  readonly #context: FirstmileContext;
  readonly #flags: ReviewFlags;
  readonly #reader: ReviewReader;
  readonly #means: Means;
  #interrupted = false;

  constructor(context: FirstmileContext, flags: ReviewFlags, reader: ReviewReader, means: Means) {
    this.#context = context;
    this.#flags = flags;
    this.#reader = reader;
    this.#means = means;
  }

  /** One sitting, and what it came to for programs; once one is interrupted, the next ones are not begun. */
  async run(read: ReviewFiles): Promise<unknown> {
    if (this.#interrupted) return nothingSaid(read, this.#means.place);

    const git = await neutralGit(read.target.repository);
    try {
      using material = new ReviewMaterial(git);
      const signer = await signerUnder(read.gathered.policy, this.#means.user);
      const found = await this.#find(read, material);
      const own = this.#forSigner(read, found, signer);
      this.#open(read, found, own, signer);
      const names = this.#namesFor(read, signer);
      if (own.mine.length + names.length === 0) return this.#nothingToRead(read, own);
      const seen = { names, gone: await this.#gone(read, material) };
      if (!this.#flags.json) tellNames(this.#context.terminal, seen);
      const shower = new WorkShower(this.#context, material, read.gathered.coverage);
      const sitting = await new Sitter(this.#context, this.#flags, shower).sit(own.mine, seen);
      const isNothing = sitting.said.length === 0 && sitting.names === undefined;
      return isNothing ? this.#nothing(read, sitting.dropped) : await this.#sign(read, sitting);
    } finally {
      git.dispose();
    }
  }

  #find({ files, gathered }: ReviewFiles, { objects }: ReviewMaterial): Promise<FoundWork> {
    this.#context.terminal.progress("looking for what was read before");
    // A no is heard also where everybody else says yes.
    const asked = this.#flags.reject ? files : files.filter(isOpen);
    return findWork(asked, { objects, coverage: gathered.coverage, stateDir: this.#context.stateDir });
  }

  /** What this signer's word counts for; all of it where that is not known, or where the word is no. */
  #forSigner({ gathered }: ReviewFiles, { work }: FoundWork, signer: Signer): ForReader {
    if (signer.kind === "person" && !this.#flags.reject)
      return forReader(work, gathered.coverage, signer.name);
    return { mine: work, others: { read: [], wrote: [], notAsked: [] } };
  }

  /** Names that this signer's word counts for. A no is said of files, or of names where each is asked about. */
  #namesFor({ names, gathered }: ReviewFiles, signer: Signer): NamesWork[] {
    if (this.#flags.reject) return [];
    const work = namesWork(names);
    return signer.kind === "person" ? namesForReader(work, gathered.names, signer.name) : work;
  }

  /** What people read and what is no longer there. A no is said of what there is. */
  async #gone(
    { gathered, target: { commit } }: ReviewFiles,
    { objects }: ReviewMaterial,
  ): Promise<GoneFile[]> {
    if (this.#flags.reject) return [];
    const { path: paths = [] } = this.#flags;
    const isWanted = paths.length === 0 ? () => true : named(paths);
    const all = await goneFiles({ objects, coverage: gathered.coverage, commit, isWanted });
    for (const { path } of all.filter(({ lines }) => lines === undefined))
      warn(this.#context.terminal, `${visiblePath(path)} is gone, and so is its content: it cannot be shown`);
    return all.filter(({ lines }) => lines !== undefined);
  }

  #open(read: ReviewFiles, found: FoundWork, own: ForReader, signer: Signer): void {
    const { terminal } = this.#context;
    if (!this.#flags.json && own.mine.length > 0) tellOpening(terminal, read, own);
    tellUnreadable(terminal, read, found);
    if (signer.kind === "nobody")
      warn(
        terminal,
        `the key that you sign with is nobody's by these rules: what you say counts for nothing yet`,
      );
  }

  async #sign(read: ReviewFiles, sitting: Sitting): Promise<unknown> {
    const { said, names } = sitting;
    const kept = await this.#keep(sitting);
    if (!kept) return this.#nothing(read, true);
    const { place } = this.#means;
    const done = { read, said, names, kept, place, after: await this.#reader.again(read, besides(place)) };
    const { json, skimmed, machine } = this.#flags;
    if (!json) tellSitting(this.#context.terminal, done, !skimmed && !machine);
    return sittingJson(done);
  }

  /** Undefined: interrupted, and nothing was written. */
  async #keep({ said, names }: Sitting): Promise<readonly KeptStatement[] | undefined> {
    using interruption = new Interruption();
    const reviews = draftSitting(said, this.#all(), names);
    // From here on the terminal is the signing program's: it may ask for a PIN or a touch.
    this.#context.terminal.clearProgress();
    try {
      return await signAndKeep(reviews, {
        ...this.#means,
        now: this.#context.now,
        goOn: interruption.settle,
      });
    } catch (error) {
      if (!interruption.explains(error)) throw error;
      return undefined;
    }
  }

  #all(): SaidOfSitting {
    const { skimmed, machine, source, note } = this.#flags;
    return { depth: skimmed ? "skimmed" : "read", machine, note, source };
  }

  #nothingToRead(read: ReviewFiles, { others }: ForReader): unknown {
    const { terminal } = this.#context;
    const who = Object.values(others).flat().length === 0 ? "" : " for you";
    const closed = closedText(read.files);
    if (!this.#flags.json) {
      const line = (text: string) => terminal.print(wrap(text, terminal.width, "  "));
      line(`there is nothing${who} to read: ${coverageLine(read.files)}`);
      if (closed !== undefined) line(closed);
    }
    const open = failing(read.files).length + failingNames(read.names).length;
    this.#context.exit(open === 0 ? EXIT.ok : EXIT.denied);
    return nothingSaid(read, this.#means.place);
  }

  #nothing(read: ReviewFiles, interrupted: boolean): unknown {
    this.#interrupted = interrupted;
    this.#context.terminal.say(interrupted ? "interrupted: nothing was signed" : "nothing was signed");
    this.#context.exit(interrupted ? INTERRUPTED : EXIT.denied);
    return nothingSaid(read, this.#means.place);
  }
}

function nothingSaid(read: ReviewFiles, place: WritablePlace): unknown {
  return sittingJson({ read, said: [], names: undefined, kept: [], place, after: read });
}
