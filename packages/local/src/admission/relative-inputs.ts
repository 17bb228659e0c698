/**
 * Inputs of a flake that are directories of its own tree, locked as trees of their own: the form of Nix before 2.26.
 * Those Nix look for such a directory in the store, by the hash in the lock.
 *
 * Claim: what is given is that directory of the flake's tree, and has the hash. Leaves out a directory whose hash is
 * another, which Nix then does not find, and locks that name a `parent`, which Nix resolves alone.
 */
import { cpSync, lstatSync, mkdtempSync } from "node:fs";
import { join, normalize } from "node:path";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { narDigest } from "@firstmile/formats/nix/nar";
import { sourceStorePath } from "@firstmile/formats/nix/store-path";
import { type AuthenticInput, addDirectory } from "./authentic-input.ts";
import type { FlakeTree } from "./flake-commit.ts";
import { pathInsideTree } from "./input-source.ts";
import type { NixTools } from "./nix-tools.ts";
import { directoryNode } from "./tree-difference.ts";

/** `below`: a directory of this process's own, which the caller removes. */
export function relativeInputs(nix: NixTools, { flake, input }: FlakeTree, below: string): AuthenticInput[] {
  if (flake.lock === undefined) return [];
  const inputs: AuthenticInput[] = [];
  for (const { locked } of parseFlakeLock(Buffer.from(flake.lock)).nodes.values()) {
    const inside = locked && pathInsideTree(locked);
    if (!locked?.narHash || inside === undefined) continue;
    const from = join(input.from, normalize(join(flake.dir, inside)));
    if (!lstatSync(from, { throwIfNoEntry: false })?.isDirectory()) continue;
    const { narHash, narSize } = narDigest(directoryNode(from));
    if (narHash !== locked.narHash) continue;
    const path = sourceStorePath(narHash, "source", [], false, nix.storeDir);
    inputs.push({ path, narHash, narSize, from, keep: () => kept(nix, from, path, below) });
  }
  return inputs;
}

/** Under the name that it has in the store. */
function kept(nix: NixTools, from: string, path: AuthenticInput["path"], below: string): Promise<void> {
  const named = join(mkdtempSync(join(below, "relative-")), "source");
  cpSync(from, named, { recursive: true, verbatimSymlinks: true });
  return addDirectory(nix, named, path);
}
