/**
 * What the store holds of a download, to check its handoff against.
 *
 * Claims: what comes back was read from an output that Nix calls valid, and is whole. Leaves out archives that were
 * unpacked: what is in the store then is not what the author signed. And outputs over the limit: for these what can be
 * checked without the source is all.
 */
import { lstatSync, readFileSync } from "node:fs";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import type { Download } from "@firstmile/trust/handoff/download";
import type { HandoffContent } from "@firstmile/trust/handoff/verify";
import { NixError, type NixTools } from "../admission/nix-tools.ts";
import { readTree } from "../archives/directory.ts";
import { gitTreeId } from "../archives/git-id.ts";
import { uncompress } from "../archives/uncompress.ts";

/** Held in memory while it is checked, in bytes. */
export const MAX_SOURCE = 1 << 30;

/** Paths in one command: an argument list has an end, at some 2 MB. */
const BATCH = 4_000;

/** Of these paths, those that Nix calls valid. Throws `NixError`. */
export async function validPaths(nix: NixTools, paths: readonly string[]): Promise<Set<string>> {
  const valid = new Set(paths);
  for (let from = 0; from < paths.length; from += BATCH) {
    const args = ["--check-validity", "--print-invalid", ...paths.slice(from, from + BATCH)];
    const told = await nix.run("nix-store", args, { timeoutMs: 60_000 });
    // Otherwise a store that does not answer would call every path valid.
    if (told.code !== 0)
      throw new NixError(`the store does not say what is valid: ${told.stderr.trim().split("\n").at(-1)}`);
    for (const path of told.stdout.toString().split("\n")) valid.delete(path);
  }
  return valid;
}

/**
 * What of a valid output its handoff can be held against; undefined where that is nothing. Of its NAR Nix has checked
 * the hash. Throws `ArchiveRefused`.
 */
export async function contentInStore(
  { output, method, hash }: Download,
  { release, output: handed }: HandoffStatement,
): Promise<HandoffContent | undefined> {
  if (release.kind === "tag") return taggedContent(output, release.tag);
  if (release.becomes === "tree" || (method === "nar" && hash.algorithm !== "sha256")) return undefined;
  const file = readSource(output);
  if (!file) return undefined;
  const narHash = handed.kind === "nar" ? { narHash: handed.narHash } : {};
  const inner = release.signed.kind === "uncompressed" ? await uncompress(file) : undefined;
  return { file, ...narHash, ...(inner ? { uncompressed: inner } : {}) };
}

/** The first line of a tag names what it is of by as many digits as its hash has. */
function taggedContent(output: string, tag: Uint8Array): HandoffContent | undefined {
  const root = readTree(output, MAX_SOURCE);
  const digits = tag.indexOf(0x0a) - "object ".length;
  return root && { tree: gitTreeId(root, digits === 64 ? "sha256" : "sha1") };
}

/** The bytes of a flat output; undefined where it is none, or over the limit. */
export function readSource(path: string): Buffer | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= MAX_SOURCE ? readFileSync(path) : undefined;
}
