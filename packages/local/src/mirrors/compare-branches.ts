/**
 * Branches of one name beside each other, as several mirrors of a source serve them. Claim: where two are not on one
 * line, that is told with both. It decides nothing: nobody has looked who signed them, and a lock names the one commit
 * that is admitted. Against: a source that shows one history to some and another to others.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { neutralGit, ownRepositoriesEnv } from "../git/neutral.ts";
import { runOk } from "../process/run.ts";
import { ancestryAmong } from "./ancestry.ts";

/** Most branches compared: a source with more is compared in these. */
const MAX_BRANCHES = 200;

interface Branch {
  readonly url: string;
  readonly name: string;
  readonly head: CommitId;
}

/** `prefixes`: below which references a mirror's branches were fetched (`refs/firstmile/remote/0/`), by its URL. */
export async function branchesApart(
  repository: string,
  prefixes: ReadonlyMap<string, string>,
): Promise<Reason[]> {
  const branches = await Promise.all(
    [...prefixes].map(([url, prefix]) => branchesBelow(repository, url, prefix)),
  );
  const shared = [...Map.groupBy(branches.flat(), ({ name }) => name).values()].filter(differ);
  if (shared.length === 0) return [];
  const git = await neutralGit(repository);
  try {
    const apart: Reason[] = [];
    for (const same of shared.slice(0, MAX_BRANCHES)) {
      const heads = same.map(({ head }) => head);
      const ancestry = await ancestryAmong(git, heads, heads);
      const newest = heads.find((head) => heads.every((other) => ancestry(other, head) !== undefined));
      if (newest === undefined) apart.push(told(same));
    }
    return apart;
  } finally {
    git.dispose();
  }
}

function differ(branches: readonly Branch[]): boolean {
  return new Set(branches.map(({ head }) => head)).size > 1;
}

async function branchesBelow(repository: string, url: string, prefix: string): Promise<Branch[]> {
  const args = ["-C", repository, "for-each-ref", "--format=%(objectname) %(refname)", prefix];
  // Branches that cannot be listed are not branches that agree.
  const listed = await runOk("git", args, { env: ownRepositoriesEnv() });
  const lines = listed.toString("latin1").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [head, ref] = line.split(" ", 2) as [CommitId, string];
    return { url, name: ref.slice(prefix.length), head };
  });
}

function told(branches: readonly Branch[]): Reason {
  const seen = branches.map(({ url, head }) => `${head.slice(0, 12)} at ${url}`).join(", ");
  const message = `branch ${branches[0]!.name} is served as histories that are not on one line: ${seen}`;
  return lacking("equivocation", message, { remedy: "show both commits to the source's owners" });
}
