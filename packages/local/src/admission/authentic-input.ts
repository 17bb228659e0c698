/**
 * A tree that an evaluation may fetch, before it is in the store: where its content is meanwhile, and how it gets there.
 *
 * Claim: nothing of it is in the real store until `keep` is called, which is when all that was asked for is allowed.
 * Against: a denied request that leaves what it named where every user can read it.
 */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { NarHash } from "@firstmile/formats/nix/hash";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { SealedInput } from "../sealing/seal.ts";
import { NixError, type NixTools } from "./nix-tools.ts";
import { isValid } from "./tree.ts";

export interface AuthenticInput extends SealedInput {
  /** Puts it into the real store. Throws `NixError`. */
  keep(): Promise<unknown>;
}

export interface NamedTree {
  readonly path: StorePath;
  readonly narHash: NarHash;
  readonly narSize: number;
}

/**
 * Of a tree that is written down unless the store has it. `below`: a directory of this process's own, which the caller
 * removes; `write` makes the tree at a path in it. Throws what `write` throws.
 */
export async function writtenInput(
  nix: NixTools,
  { path, narHash, narSize }: NamedTree,
  below: string,
  write: (dir: string) => Promise<unknown>,
): Promise<AuthenticInput> {
  const tree = { path, narHash, narSize };
  if (await isValid(nix, path)) return { ...tree, from: path, keep: async () => {} };
  // `nix-store --add` names a path by its directory.
  const from = join(mkdtempSync(join(below, "input-")), path.slice(nix.storeDir.length + 34));
  await write(from);
  return { ...tree, from, keep: () => addDirectory(nix, from, path) };
}

/** Of a tree that is seen through a view at its store path. */
export function viewedInput(
  { path, narHash, narSize }: NamedTree,
  keep: () => Promise<unknown>,
): AuthenticInput {
  return { path, narHash, narSize, from: path, keep };
}

/** Throws `NixError` where the store gives it another path. */
export async function addDirectory(nix: NixTools, from: string, path: StorePath): Promise<void> {
  const added = await nix.run("nix-store", ["--add", from]);
  const got = added.stdout.toString("latin1").trimEnd();
  if (added.code !== 0)
    throw new NixError(`the store takes no tree: ${added.stderr.trim().split("\n").at(-1) ?? ""}`);
  if (got !== path) throw new NixError(`the store put ${path} at ${got}: its files were changed`);
}
