/**
 * The inputs of a flake. Claim: when every finding holds, each tree that its evaluation can read is the tree of an
 * authentic commit of a source of the policy, and lies in the store, so that evaluating needs no network. Against: a
 * lock that names a tarball with other content than the signed commit, an input that nobody's rules cover.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { FlakeLock, LockedReference, LockNode } from "@firstmile/formats/nix/flake-lock";
import type { Source } from "@firstmile/trust/policy/policy";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { checkLockedTree, pathInsideTree, readFlakeLock, repositoryUrl, sourceForInput } from "./lock.ts";
import type { NixTools } from "./nix-tools.ts";
import type { SourceRepositories } from "./source-repositories.ts";
import { treeOf } from "./tree-of.ts";

export interface FlakeInputsOptions {
  readonly repositories: SourceRepositories;
  readonly nix: NixTools;
}

/** Authenticates one commit of a source, and notes it as a basis of the admission. */
export type Authenticate = (source: Source, commit: CommitId) => Promise<Reason>;

export class FlakeInputs {
  private readonly options: FlakeInputsOptions;
  private readonly rules: RulesInForce;
  private readonly authenticate: Authenticate;

  constructor(options: FlakeInputsOptions, rules: RulesInForce, authenticate: Authenticate) {
    this.options = options;
    this.rules = rules;
    this.authenticate = authenticate;
  }

  /** Brings every input of the flake in directory `dir` of a commit into the store. Findings in the lock's order. */
  async bring(source: Source, commit: CommitId, dir: string): Promise<Reason[]> {
    const read = await this.readLock(source, commit, dir);
    if (!read.ok) return [read.reason];
    const reasons: Reason[] = [];
    for (const node of read.lock?.nodes.values() ?? []) reasons.push(...(await this.input(node)));
    return reasons;
  }

  private async readLock(
    source: Source,
    commit: CommitId,
    dir: string,
  ): Promise<{ ok: true; lock: FlakeLock | undefined } | { ok: false; reason: Reason }> {
    const git = await neutralGit(await this.options.repositories.directory(source));
    try {
      using objects = new GitObjects(git.env);
      return await readFlakeLock(objects, await treeOf(objects, commit), dir);
    } finally {
      git.dispose();
    }
  }

  private async input({ name, locked }: LockNode): Promise<Reason[]> {
    if (!locked || pathInsideTree(locked) !== undefined) return [];
    const source = sourceForInput(this.rules.policy, locked);
    if (!source || locked.rev === undefined) return [noSource(name, locked)];
    const commit = locked.rev as CommitId;
    const absent = await ensureCommit(this.options.repositories, source, commit);
    if (absent) return [absent];
    const authentic = await this.authenticate(source, commit);
    return authentic.ok ? [await this.tree(name, locked, source, commit)] : [];
  }

  private async tree(
    input: string,
    locked: LockedReference,
    source: Source,
    commit: CommitId,
  ): Promise<Reason> {
    const git = await neutralGit(await this.options.repositories.directory(source));
    try {
      using objects = new GitObjects(git.env);
      const checked = await checkLockedTree({ input, locked, git, objects, commit, nix: this.options.nix });
      if (checked.ok) await checked.addToStore();
      return checked.reason;
    } finally {
      git.dispose();
    }
  }
}

function noSource(name: string, locked: LockedReference): Reason {
  const where = repositoryUrl(locked) ?? locked.url ?? locked.path ?? locked.type;
  return lacking("unknown-source", `input ${name} comes from ${where}, which is no source of the policy`, {
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
      remedy: `add a URL to [source.${source.name}] that this machine reaches, or admit it from a checkout`,
    },
  );
}
