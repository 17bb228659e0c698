/**
 * Which source of a policy a repository is: the one whose introduction it holds. Not its path, its remote's URL or
 * its name, all of which whoever made the checkout chose.
 */
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";

/** No source of the policy fits, or more than one does. */
export class SourceError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "SourceError";
    this.help = help;
  }
}

/** The source that the user names, or the only one whose introduction is in the repository. Throws `SourceError`. */
export async function chooseSource(policy: Policy, repository: string, name?: string): Promise<Source> {
  const all = [...policy.sources.values()];
  if (name !== undefined) {
    const named = policy.sources.get(name as SourceName);
    if (named) return named;
    throw new SourceError(`the policy has no source ${JSON.stringify(name)}`, `its sources: ${names(all)}`);
  }
  const here = await introducedIn(all, repository);
  if (here.length === 1) return here[0]!;
  if (here.length > 1)
    throw new SourceError(
      `several sources begin in ${repository}: ${names(here)}`,
      "choose one with --source",
    );
  throw new SourceError(
    `${repository} holds the introduction of no source of the policy`,
    all.length > 0
      ? `the policy knows ${names(all)}; add a [source] for this repository`
      : "add a [source] to firstmile.toml",
  );
}

async function introducedIn(sources: readonly Source[], repository: string): Promise<Source[]> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const found = await objects.getAll(sources.map((source) => source.introduction.commit));
    return sources.filter((_, i) => found[i]?.type === "commit");
  } finally {
    git.dispose();
  }
}

function names(sources: readonly Source[]): string {
  return sources.map(({ name }) => name).join(", ") || "none";
}
