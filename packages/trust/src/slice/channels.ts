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

/** A slice that people of the policy published, accepted or not. */
export interface Publication extends PublishedSlice {
  /** Whether they meet the source's `channel` role. What the commit holds is another question. */
  readonly met: boolean;
}

/** What was published of a source: at `commit`, or at whichever. Of those who signed, people of the role are named. */
export function publications(
  policy: Policy,
  source: Source,
  commit: CommitId | undefined,
  ownerOf: Identities["ownerOf"],
  statements: Iterable<VerifiedStatement>,
): Publication[] {
  const group = source.channel === undefined ? undefined : policy.roles.get(source.channel);
  const people = group ? peopleOf(group, policy) : undefined;
  const isMeant = (one: Statement): one is ChannelStatement =>
    one.kind === "channel" && one.source === source.name && (commit === undefined || one.commit === commit);
  return signedTogether(statements, ownerOf, isMeant).map(({ statement, by }) => ({
    channel: statement,
    by: [...by].filter((name) => people?.has(name) ?? true).sort(),
    met: group !== undefined && isMet(group, by, policy),
  }));
}

/** The published slices of a commit that meet the source's `channel` role. */
export function publishedSlices(
  policy: Policy,
  source: Source,
  commit: CommitId,
  ownerOf: Identities["ownerOf"],
  statements: Iterable<VerifiedStatement>,
): PublishedSlice[] {
  if (source.channel === undefined) return [];
  const all = publications(policy, source, commit, ownerOf, statements);
  return all.filter(({ met }) => met).map(({ channel, by }) => ({ channel, by }));
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
