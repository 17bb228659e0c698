/**
 * Trees that something else is locked to: a flake's inputs, and pins of every other kind.
 *
 * Claims: what comes back is the tree of an authentic commit of a source of the policy. Against: a lock that names
 * other content than the signed commit, and a repository that nobody's rules cover. Which text named it is no matter.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import type { LockedReference } from "@firstmile/formats/nix/flake-lock";
import type { Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { checkLockedTree, type LockedTree, lockedCommit, repositoryUrl, sourceForInput } from "./lock.ts";
import type { NixTools } from "./nix-tools.ts";
import type { SourceRepositories } from "./source-repositories.ts";

export interface LockedTreesOptions {
  readonly repositories: SourceRepositories;
  readonly nix: NixTools;
}

/** Judges one commit of a source, and notes it as a basis of the admission. */
export type Authenticate = (source: Source, commit: CommitId) => Promise<Reason>;

export interface LockedTreeWanted {
  /** As messages name it: `input nixpkgs`. */
  readonly label: string;
  readonly locked: LockedReference;
  /** What writes the lock anew. */
  readonly renew: string;
  readonly storeName?: string;
  readonly unhashed?: boolean;
}

type CheckedTree = Extract<LockedTree, { ok: true }>;

export class LockedTrees {
  private readonly options: LockedTreesOptions;
  private readonly rules: Pick<RulesInForce, "policy">;
  private readonly authenticate: Authenticate;

  constructor(options: LockedTreesOptions, rules: Pick<RulesInForce, "policy">, authenticate: Authenticate) {
    this.options = options;
    this.rules = rules;
    this.authenticate = authenticate;
  }

  /**
   * The source and commit that something is locked to, when the commit is here and authentic. The finding on the
   * commit is the business of whoever gave `authenticate`: undefined where it did not hold.
   */
  async commit(
    label: string,
    locked: LockedReference,
  ): Promise<{ source: Source; commit: CommitId } | Reason | undefined> {
    const source = sourceForInput(this.rules.policy, locked);
    const commit = lockedCommit(locked)?.rev as CommitId | undefined;
    if (!source || commit === undefined) return noSource(label, locked);
    const absent = await ensureCommit(this.options.repositories, source, commit);
    if (absent) return absent;
    return (await this.authenticate(source, commit)).ok ? { source, commit } : undefined;
  }

  /** Holds the tree of an authentic commit against its lock; with what `use` makes of it where it fits. */
  async tree<T>(
    wanted: LockedTreeWanted,
    source: Source,
    commit: CommitId,
    use: (tree: CheckedTree) => Promise<T>,
  ): Promise<{ reason: Reason; used: T | undefined }> {
    const git = await neutralGit(await this.options.repositories.directory(source));
    try {
      using objects = new GitObjects(git.env);
      const checked = await checkLockedTree({ ...wanted, git, objects, commit, nix: this.options.nix });
      return { reason: checked.reason, used: checked.ok ? await use(checked) : undefined };
    } finally {
      git.dispose();
    }
  }
}

function noSource(label: string, locked: LockedReference): Reason {
  if (locked.type === "tarball" && lockedCommit(locked) === undefined)
    return lacking("unknown-source", `${label} is locked to ${locked.url}, which names no one commit`, {
      remedy: "name it in the address, where Nix does not lock what a channel leads to: …/COMMIT.tar.gz",
    });
  const where = repositoryUrl(locked) ?? locked.url ?? locked.path ?? locked.type;
  return lacking("unknown-source", `${label} comes from ${where}, which is no source of the policy`, {
    remedy: `add a [source] with urls = [${JSON.stringify(where)}] and an introduction to the trust repository`,
  });
}

/** Fetches a commit of a source that is not here yet; the reason where it cannot be had. */
export async function ensureCommit(
  repositories: SourceRepositories,
  source: Source,
  commit: CommitId,
): Promise<Reason | undefined> {
  if (await repositories.has(source, commit)) return undefined;
  const problems = await repositories.fetch(source, commit);
  if (problems.length === 0) return undefined;
  return lacking(
    "source-unavailable",
    `commit ${commit.slice(0, 12)} of source ${source.name} cannot be had`,
    {
      because: problems.map((problem) => lacking("source-unavailable", problem)),
      remedy: `add a URL to [source.${tomlKey(source.name)}] that this machine reaches, or admit it from a checkout`,
    },
  );
}
