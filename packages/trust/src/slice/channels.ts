/**
 * Slices that somebody published whole: accepted at the very commit that they name, and nowhere else.
 *
 * Claims: a file is vouched for only if it lies at a path of a published slice, and all files of that slice have the
 * content that was signed. Against: a commit of which one file is another than its curator saw, by a broken SHA-1.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import { type ChannelStatement, contentsDigest } from "@firstmile/formats/statement/channel";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy, Source } from "../policy/policy.ts";
import { isMet, peopleOf } from "../policy/thresholds.ts";
import type { Identities } from "../signature/identities.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { signedTogether } from "./signers.ts";

/** A published slice, by people who count. */
export interface PublishedSlice {
  readonly channel: ChannelStatement;
  readonly by: readonly PrincipalName[];
}

/** The published slices of a commit that meet the source's `channel` role. */
export function publishedSlices(
  policy: Policy,
  source: Source,
  commit: CommitId,
  ownerOf: Identities["ownerOf"],
  statements: Iterable<VerifiedStatement>,
): PublishedSlice[] {
  const group = source.channel && policy.roles.get(source.channel);
  if (!group) return [];
  const people = peopleOf(group, policy);
  const isMeant = (one: Statement): one is ChannelStatement =>
    one.kind === "channel" && one.commit === commit && one.source === source.name;
  return signedTogether(statements, ownerOf, isMeant)
    .filter(({ by }) => isMet(group, by, policy))
    .map(({ statement, by }) => ({
      channel: statement,
      by: [...by].filter((name) => people.has(name)).sort(),
    }));
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
