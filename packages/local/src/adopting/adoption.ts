/**
 * A trust repository for a configuration as it is: green on the first day, and honest about it.
 *
 * Claims: what the configuration reads today passes because its adopter signed that it does, file by file and by
 * content, with the names that it was told of, until a day; nothing else passes. So each change from then on needs
 * evidence. A failure on the way leaves the directory as it was. Leaves out whether any of it is good: that is what the
 * waivers' ends are for.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { Source } from "@firstmile/trust/policy/policy";
import { day } from "@firstmile/trust/slice/reason";
import { ensureCommit } from "../admission/locked-trees.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { split, splitNames } from "../exceptions/split.ts";
import { gitIn } from "../git/in-directory.ts";
import { ownRepositoriesEnv } from "../git/neutral.ts";
import { runOk } from "../process/run.ts";
import { wholeNames } from "../slicing/stated-names.ts";
import { STATEMENTS_FOLDER } from "../statements/place.ts";
import { AdoptionError } from "./adoption-error.ts";
import type { RulesSource } from "./rules-text.ts";
import type { NewSource } from "./sources.ts";
import type { Step } from "./steps.ts";

/** Puts a directory back as it was, until `keep` is called. */
export class Undo implements Disposable {
  readonly #dir: string;
  readonly #rules: Buffer | undefined;
  readonly #written: string[] = [];
  #kept = false;

  constructor(dir: string) {
    this.#dir = dir;
    const file = join(dir, "firstmile.toml");
    this.#rules = existsSync(file) ? readFileSync(file) : undefined;
  }

  /** Files that go again as well. */
  forget(files: readonly string[]): void {
    this.#written.push(...files);
  }

  keep(): void {
    this.#kept = true;
  }

  [Symbol.dispose](): void {
    if (this.#kept) return;
    if (this.#rules === undefined) rmSync(this.#dir, { recursive: true, force: true });
    else writeFileSync(join(this.#dir, "firstmile.toml"), this.#rules);
    for (const file of this.#written) rmSync(file, { force: true });
  }
}

/**
 * The introduction of each source: of several commits in use, the newest that comes before all of them. The commits are
 * fetched where they are not here. Throws `AdoptionError`.
 */
export async function introduced(
  repositories: SourceRepositories,
  source: NewSource,
  known: Source,
): Promise<RulesSource> {
  for (const commit of source.commits) {
    const absent = await ensureCommit(repositories, known, commit);
    if (absent)
      throw new AdoptionError(
        absent.message,
        absent.because?.[0]?.message ?? "see that its URL can be reached",
      );
  }
  const introduction = await before(await repositories.directory(known), source);
  const { name, url, judged } = source;
  return { name, url, judged, introduction };
}

async function before(repository: string, { name, commits }: NewSource): Promise<CommitId> {
  const [first, ...others] = commits;
  if (others.length === 0) return first!;
  const args = ["-C", repository, "merge-base", "--octopus", first!, ...others];
  try {
    return (await runOk("git", args, { env: ownRepositoriesEnv() })).toString().trim() as CommitId;
  } catch {
    throw new AdoptionError(
      `${name} is locked to commits that share no history: ${commits.map((id) => id.slice(0, 12)).join(", ")}`,
      "lock them to one history first: nix flake lock --update-input …",
    );
  }
}

/** What the adopter signs: a waiver for each source and step, by content, each at its path. */
export function waiversOf(
  steps: readonly Step[],
  pace: { readonly steps: number; readonly now: number },
): Statement[] {
  return steps.flatMap(({ number, until, files, names }) => {
    const because = `adopted as it was on ${day(pace.now)}, to be read until ${day(until)} (step ${number} of ${pace.steps})`;
    const bySource = Map.groupBy(files, ({ source }) => source);
    const ofFiles = [...bySource].flatMap(([source, own]) => {
      const targets = own.map(({ file: { sha256, id, path } }) => ({
        kind: "content" as const,
        sha256,
        id,
        path,
      }));
      return split(targets, (some) => ({
        kind: "waiver" as const,
        targets: some,
        paths: [],
        source,
        until,
        because,
      }));
    });
    const ofNames = [...Map.groupBy(names, ({ source }) => source)].flatMap(([source, own]) => {
      const stated = wholeNames(own.map((one) => one.names));
      const waiver = { kind: "waiver" as const, targets: [], paths: [], source, until, because };
      return splitNames(stated, (some) => ({ ...waiver, names: some }));
    });
    return [...ofFiles, ...ofNames];
  });
}

/** Commits the rules and statements, with the user's own signature; gives the first commit and this one. */
export async function commitAdoption(
  dir: string,
  what: string,
): Promise<{ readonly first: CommitId; readonly head: CommitId }> {
  const git = async (...args: readonly string[]) =>
    (await runOk("git", ["-C", dir, ...args])).toString().trim();
  await git("add", "--", "firstmile.toml", "keys", STATEMENTS_FOLDER);
  const staged = await gitIn(dir, ["diff", "--cached", "--quiet"]);
  if (staged.code === 0)
    throw new AdoptionError(
      `the rules in ${dir} let through all that ${what} reads already, so there is nothing to adopt`,
      `to see what is read and what is waived: firstmile coverage --policy ${dir}`,
    );
  await git("commit", "--quiet", "-S", "-m", `Adopt ${what} as it is`);
  const first = (await git("rev-list", "--max-parents=0", "HEAD")).split("\n")[0]!;
  return { first: first as CommitId, head: (await git("rev-parse", "HEAD")) as CommitId };
}
