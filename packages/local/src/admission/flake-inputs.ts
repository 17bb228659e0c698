/**
 * The inputs of a flake. Claim: when every finding holds, each tree that its evaluation can read is the tree of an
 * authentic commit of a source of the policy, so that evaluating needs no network. Against: a
 * lock that names a tarball with other content than the signed commit, an input that nobody's rules cover.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { FlakeLock, LockNode } from "@firstmile/formats/nix/flake-lock";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { Source } from "@firstmile/trust/policy/policy";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { type AuthenticInput, viewedInput, writtenInput } from "./authentic-input.ts";
import { pathInsideTree, readFlakeLock } from "./lock.ts";
import { type Authenticate, LockedTrees, type LockedTreesOptions } from "./locked-trees.ts";
import { notPlain } from "./slices.ts";
import { treeOf } from "./tree-of.ts";

export interface FlakeInputsOptions extends LockedTreesOptions {
  /** A directory of this process's own, for trees that the store does not have. The caller removes it. */
  readonly treesDir: string;
  /** Shows a slice source's tree at its store path. */
  readonly show: (source: Source, commit: CommitId, stored: StorePath) => void;
}

export class FlakeInputs {
  private readonly options: FlakeInputsOptions;
  private readonly locked: LockedTrees;
  /** What the evaluation may fetch. */
  readonly trees: AuthenticInput[] = [];

  constructor(options: FlakeInputsOptions, rules: Pick<RulesInForce, "policy">, authenticate: Authenticate) {
    this.options = options;
    this.locked = new LockedTrees(options, rules, authenticate);
  }

  /** Brings every input of the flake in directory `dir` of a commit. Findings in the lock's order. */
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
    const label = `input ${name}`;
    const from = await this.locked.commit(label, locked);
    if (!from) return [];
    if ("code" in from) return [from];
    const wanted = { label, locked, renew: `nix flake lock --update-input ${name}` };
    const { source, commit } = from;
    const isSlice = source.authenticate === "slice";
    const keep = () => this.locked.tree(wanted, source, commit, (tree) => tree.addToStore());
    const { reason, used } = await this.locked.tree(wanted, source, commit, async (tree) => {
      if (isSlice) return tree.isPlain ? viewedInput(tree, keep) : undefined;
      const { nix, treesDir } = this.options;
      return writtenInput(nix, tree, treesDir, (dir) => tree.writeTo(dir));
    });
    if (!reason.ok) return [reason];
    if (!used) return [notPlain(label, wanted.renew)];
    if (isSlice) this.options.show(source, commit, used.path);
    this.trees.push(used);
    return [reason];
  }
}
