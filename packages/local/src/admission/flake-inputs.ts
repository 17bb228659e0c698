/**
 * The inputs of a flake. Claim: when every finding holds, each tree that its evaluation can read is the tree of an
 * authentic commit of a source of the policy, and lies in the store, so that evaluating needs no network. Against: a
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
import type { ValidTree } from "../pins/sealed-nix.ts";
import { pathInsideTree, readFlakeLock } from "./lock.ts";
import { type Authenticate, LockedTrees, type LockedTreesOptions } from "./locked-trees.ts";
import { notPlain } from "./slices.ts";
import { treeOf } from "./tree-of.ts";

/** Where trees go of which only what is read is judged. */
export interface SliceInputs {
  /** Has one seen in its place in the store; gives where else it is seen, if anywhere. */
  show(source: Source, commit: CommitId, stored: StorePath): string | undefined;
}

export class FlakeInputs {
  private readonly options: LockedTreesOptions;
  private readonly locked: LockedTrees;
  /** What was brought into the store. */
  readonly trees: ValidTree[] = [];
  /** For `evaluateFlake`: where the tarballs come from that were brought. */
  readonly addresses: string[] = [];

  constructor(options: LockedTreesOptions, rules: Pick<RulesInForce, "policy">, authenticate: Authenticate) {
    this.options = options;
    this.locked = new LockedTrees(options, rules, authenticate);
  }

  /** Brings every input of the flake in directory `dir` of a commit into the store. Findings in the lock's order. */
  async bring(source: Source, commit: CommitId, dir: string, shown: SliceInputs): Promise<Reason[]> {
    const read = await this.readLock(source, commit, dir);
    if (!read.ok) return [read.reason];
    const reasons: Reason[] = [];
    for (const node of read.lock?.nodes.values() ?? []) reasons.push(...(await this.input(node, shown)));
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

  private async input({ name, locked }: LockNode, shown: SliceInputs): Promise<Reason[]> {
    if (!locked || pathInsideTree(locked) !== undefined) return [];
    const label = `input ${name}`;
    const from = await this.locked.commit(label, locked);
    if (!from) return [];
    if ("code" in from) return [from];
    const wanted = { label, locked, renew: `nix flake lock --update-input ${name}` };
    const { source, commit } = from;
    const isSlice = source.authenticate === "slice";
    const { reason, used } = await this.locked.tree(wanted, source, commit, async (tree) => {
      if (isSlice && !tree.isPlain) return undefined;
      await tree.addToStore();
      return { path: tree.path, narHash: tree.narHash, narSize: tree.narSize };
    });
    if (!reason.ok) return [reason];
    if (!used) return [notPlain(label, wanted.renew)];
    const at = isSlice ? shown.show(source, commit, used.path) : undefined;
    this.trees.push(at === undefined ? used : { ...used, at });
    if (locked.type === "tarball" && locked.url !== undefined) this.addresses.push(folderOf(locked.url));
    return [reason];
  }
}

/** Restricted mode takes an address that ends in a slash for all that are below it. */
function folderOf(url: string): string {
  const [address = ""] = url.split("?", 1);
  return address.slice(0, address.lastIndexOf("/") + 1);
}
