/** A flake.lock with one input, at the tip of a repository that everybody takes for github:OWNER/NAME. */
import { sriHash } from "@firstmile/formats/nix/hash";
import { treeOf } from "@firstmile/local/admission/tree-of";
import { neutralGit } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { treeNarHash } from "@firstmile/local/git/tree-nar-hash";
import type { WorldRepository } from "../src/world.ts";

/** `more`: over the locked node, as an attacker writes it. */
export async function lockOn(
  repository: WorldRepository,
  name: string,
  more: object = {},
  owner = "example",
): Promise<string> {
  const rev = repository.tip();
  const git = await neutralGit(repository.dir);
  try {
    using objects = new GitObjects(git.env);
    const { narHash } = await treeNarHash(objects, await treeOf(objects, rev));
    const time = Number(await repository.git("log", "-1", "--format=%ct", rev));
    const original = { owner, repo: name, type: "github" };
    const locked = { ...original, lastModified: time, narHash: sriHash(narHash), rev, ...more };
    return renderLock(name, { locked, original });
  } finally {
    git.dispose();
  }
}

/** A lock whose root has one input, `node`. */
export function renderLock(name: string, node: object): string {
  const nodes = { [name]: node, root: { inputs: { [name]: name } } };
  return JSON.stringify({ nodes, root: "root", version: 7 }, undefined, 2);
}
