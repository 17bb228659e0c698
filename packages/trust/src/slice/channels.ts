/**
 * Slices that somebody published whole: accepted at the very commit that they name, and nowhere else.
 *
 * Claims: a file is vouched for only if it lies at a path of a published slice, and all files of that slice have the
 * content that was signed. Against: a commit of which one file is another than its curator saw, by a broken SHA-1.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import { type ChannelStatement, contentsDigest } from "@firstmile/formats/statement/channel";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy, Source } from "../policy/policy.ts";
import { isMet } from "../policy/thresholds.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { VerifiedStatement } from "../statement/verify.ts";

/** A published slice, by people who count. */
export interface PublishedSlice {
  readonly channel: ChannelStatement;
  readonly by: readonly PrincipalName[];
}

/**
 * The published slices of a commit that meet the source's `channel` role. Signatures over the same statement are in one
 * envelope; the same slice in several envelopes is counted together.
 */
export function publishedSlices(
  policy: Policy,
  source: Source,
  commit: CommitId,
  ownerOf: Identities["ownerOf"],
  statements: Iterable<VerifiedStatement>,
): PublishedSlice[] {
  const group = source.channel && policy.roles.get(source.channel);
  if (!group) return [];
  const found = new Map<string, { channel: ChannelStatement; by: Set<PrincipalName> }>();
  for (const { statement, outcomes, digest } of statements) {
    if (statement.kind !== "channel" || statement.commit !== commit || statement.source !== source.name)
      continue;
    const known = found.get(digest) ?? { channel: statement, by: new Set<PrincipalName>() };
    for (const name of peopleBehind(outcomes, ownerOf)) known.by.add(name);
    found.set(digest, known);
  }
  return [...found.values()]
    .filter(({ by }) => isMet(group, by, policy))
    .map(({ channel, by }) => ({ channel, by: [...by].sort() }));
}

/** A file at its path, as the commit has it. */
export interface CommittedFile {
  readonly mode: number;
  /** In hex. */
  readonly sha256: string;
}

/** Who vouches for the content that a path has. */
export interface Vouched extends CommittedFile {
  readonly by: readonly PrincipalName[];
}

/** Who vouches for which path: of the slices whose files are, all of them, what was signed. */
export function vouchedPaths(
  slices: readonly PublishedSlice[],
  fileAt: (path: string) => CommittedFile | undefined,
): Map<string, Vouched> {
  const vouched = new Map<string, Vouched>();
  for (const { channel, by } of slices) {
    const files = channel.paths.flatMap((path) => {
      const file = fileAt(path);
      return file ? [{ path, ...file }] : [];
    });
    if (files.length < channel.paths.length || contentsDigest(files) !== channel.contents) continue;
    for (const { path, mode, sha256 } of files) vouched.set(path, { mode, sha256, by });
  }
  return vouched;
}
