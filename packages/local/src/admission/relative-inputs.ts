/**
 * Inputs of a flake that are directories of its own tree, locked as trees of their own: the form of Nix before 2.26.
 * Those Nix look for such a directory in the store, by the hash in the lock.
 *
 * Claim: what is given is that directory of the flake's tree, and has the hash. Against: a link in the tree on the way
 * to it, by which this process would read the machine's own files. Leaves out a directory with another hash, which Nix
 * then does not find, and locks that name a `parent`, which Nix resolves alone.
 */
import { cpSync, lstatSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
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
    const from = directoryIn(input.from, `${flake.dir}/${inside}`);
    if (from === undefined) continue;
    const { narHash, narSize } = narDigest(directoryNode(from));
    if (narHash !== locked.narHash) continue;
    const path = sourceStorePath(narHash, "source", [], false, nix.storeDir);
    inputs.push({ path, narHash, narSize, from, keep: () => kept(nix, from, path, below) });
  }
  return inputs;
}

/** Where a directory of the tree is, if every step to it is a directory too, and not a link to one. */
function directoryIn(tree: string, path: string): string | undefined {
  let at = tree;
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    at = join(at, name);
    if (name === ".." || !lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  }
  return at;
}

/** Under the name that it has in the store. */
function kept(nix: NixTools, from: string, path: AuthenticInput["path"], below: string): Promise<void> {
  const named = join(mkdtempSync(join(below, "relative-")), "source");
  cpSync(from, named, { recursive: true, verbatimSymlinks: true });
  return addDirectory(nix, named, path);
}
