/** Which files of a source somebody means to read: those that evaluating an attribute reads, or those at some paths. */
import type { Source } from "@firstmile/trust/policy/policy";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { neutralGit } from "../../git/neutral.ts";
import { type CountedFile, filesAt, named } from "../../slicing/files-at.ts";
import { type GatheredCase, gatherCase } from "../../slicing/gather.ts";
import type { SlicedFile } from "../../slicing/slice-of.ts";
import type { StatementPlace } from "../../statements/place.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import type { ReviewFlags } from "./review.command.ts";
import { SliceReader } from "./slice.ts";
import { slicesOfFlake } from "./slice-flake.ts";
import type { SliceTarget } from "./slice-target.ts";
import { targetOf } from "./verify-target.ts";

export interface ReviewFiles {
  readonly target: Pick<SliceTarget, "repository" | "source" | "commit">;
  /** As it is under the rules in force. */
  readonly source: Source;
  readonly gathered: GatheredCase;
  /** All that is read, in the order of paths. */
  readonly slice: readonly SlicedFile[];
  /** Of these, what was asked for. */
  readonly files: readonly SlicedFile[];
  /** What was evaluated, as on a command line; "": the files were named. */
  readonly words: string;
}

type Read = Omit<ReviewFiles, "target" | "files">;

export class ReviewReader {
  readonly #reader: SliceReader;
  readonly #flags: ReviewFlags;

  private constructor(reader: SliceReader, flags: ReviewFlags) {
    this.#reader = reader;
    this.#flags = flags;
  }

  static async open(context: FirstmileContext, flags: ReviewFlags): Promise<ReviewReader> {
    return new ReviewReader(await SliceReader.open(context, flags), flags);
  }

  /** The user's own repository that is meant; undefined: what is meant is fetched, or an input of a flake. */
  ownRepository(named: string): string | undefined {
    const { context, rules } = this.#reader;
    if (isFlake(named)) return undefined;
    const target = targetOf(context.cwd, rules.policy, named, undefined);
    return target.kind === "path" ? target.path : undefined;
  }

  /**
   * What is meant, with statements of further places: one source, or of a flake each input that is judged by what is
   * read of it. Throws `Failure` where there is no file, or a commit is not its source's.
   */
  async read(
    named: string,
    revision: string | undefined,
    places: readonly StatementPlace[],
  ): Promise<ReviewFiles[]> {
    if (isFlake(named)) return this.#flake(named, places);
    const target = await this.#reader.target(named, revision);
    const { attr, file, path: paths = [] } = this.#flags;
    const isNamed = paths.length > 0 && attr === undefined && file === undefined;
    const read = isNamed ? await this.#named(target, paths, places) : await this.#evaluated(target, places);
    return [this.#asked(target, read)];
  }

  async #flake(reference: string, places: readonly StatementPlace[]): Promise<ReviewFiles[]> {
    const { context, rules } = this.#reader;
    const statements = [...rules.statements, ...places];
    const all = await slicesOfFlake(context, { ...rules, statements }, reference, this.#flags);
    return all.map(({ slice, source, gathered, words, repository }) => {
      const target = { repository, source, commit: slice.commit };
      return this.#asked(target, { source, gathered, words, slice: slice.files });
    });
  }

  #asked(target: ReviewFiles["target"], read: Read): ReviewFiles {
    const { path: paths = [] } = this.#flags;
    const { origin } = read.gathered;
    if (!origin.ok) throw new Failure(EXIT.denied, `${origin.code}: ${origin.message}`, origin.remedy);
    const isWanted = named(paths);
    const files = paths.length === 0 ? read.slice : read.slice.filter(({ file: one }) => isWanted(one.path));
    if (files.length === 0) throw nothingThere(paths, read.words);
    return { ...read, target, files };
  }

  /** The same files as evidence has it now. */
  async again({ target, slice }: ReviewFiles, places: readonly StatementPlace[]): Promise<SlicedFile[]> {
    return judged(await this.#gather(target, places), slice);
  }

  async #evaluated(target: SliceTarget, places: readonly StatementPlace[]): Promise<Read> {
    const { slice, source, gathered, words } = await this.#reader.read(target, places);
    return { source, gathered, words, slice: slice.files };
  }

  async #named(
    target: SliceTarget,
    paths: readonly string[],
    places: readonly StatementPlace[],
  ): Promise<Read> {
    const gathered = await this.#gather(target, places);
    const git = await neutralGit(target.repository);
    try {
      const slice = judged(gathered, await filesAt(git, target.commit, named(paths)));
      return { source: gathered.source, gathered, words: "", slice };
    } finally {
      git.dispose();
    }
  }

  #gather(target: ReviewFiles["target"], more: readonly StatementPlace[]): Promise<GatheredCase> {
    const { policy, statements } = this.#reader.rules;
    const { now } = this.#reader.context;
    return gatherCase({ ...target, policy, statements: [...statements, ...more], now });
  }
}

/** `.#hello`: no source's name or path of a repository is meant. */
export function isFlake(named: string): boolean {
  return named.includes("#");
}

function judged({ coverage }: GatheredCase, files: readonly CountedFile[]): SlicedFile[] {
  const all = judgeFiles(
    coverage,
    files.map(({ file }) => file),
  );
  return all.map((one, i) => ({ ...one, lines: files[i]!.lines }));
}

function nothingThere(paths: readonly string[], words: string): Failure {
  if (paths.length === 0) return badInput(`evaluating ${words || "it"} reads no file of this source`);
  const where = words === "" ? "the tree" : `what evaluating ${words} reads`;
  return badInput(`no file of ${where} is at ${paths.join(" or ")}`, "name paths as git ls-files lists them");
}
