/**
 * Slices that somebody published whole: accepted at the very commit that they name, and nowhere else.
 *
 * Claims: a file is vouched for only if it lies at a path of a published slice, and all files of that slice have the
 * content that was signed; likewise a listing, and whether a name exists. Against: a commit in which one file is another
 * than its curator saw, by a broken SHA-1.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  type ChannelContent,
  type ChannelStatement,
  contentsDigest,
} from "@firstmile/formats/statement/channel";
import {
  type AnswerType,
  answerContent,
  listingContent,
  type NamedEntry,
} from "@firstmile/formats/statement/listing";
import type { StatedListing } from "@firstmile/formats/statement/names";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy, Source } from "../policy/policy.ts";
import { isMet, peopleOf } from "../policy/thresholds.ts";
import type { Identities } from "../signature/identities.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { answerPath, listingPath } from "./known-names.ts";
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

/** Names that are vouched for: as contents at the paths where names are judged, and the listings themselves. */
export interface VouchedNames {
  readonly vouched: ReadonlyMap<string, Vouched>;
  readonly listings: readonly StatedListing[];
}

/** What a commit has at paths in Latin-1. */
export interface CommittedTree {
  readonly fileAt: (path: string) => CommittedFile | undefined;
  /** The entries of a directory, sorted by the bytes of the names; undefined where there is none. */
  readonly listingAt: (path: string) => readonly NamedEntry[] | undefined;
  readonly typeAt: (path: string) => AnswerType;
}

/** Who vouches for what: of the slices whose contents are, all of them, what was signed. */
export function vouchedSlices(
  slices: readonly PublishedSlice[],
  tree: CommittedTree,
): { readonly paths: Map<string, Vouched>; readonly names: VouchedNames } {
  const paths = new Map<string, Vouched>();
  const vouched = new Map<string, Vouched>();
  const listings: StatedListing[] = [];
  for (const { channel, by } of slices) {
    const found = contentsIn(channel, tree);
    if (!found || contentsDigest([...found.files, ...found.names]) !== channel.contents) continue;
    for (const { path, mode, sha256 } of found.files) paths.set(path, { mode, sha256, by });
    for (const { judged, mode, sha256 } of found.names) vouched.set(judged, { mode, sha256, by });
    listings.push(...found.listings);
  }
  return { paths, names: { vouched, listings } };
}

/** Undefined where the commit lacks one of them. */
function contentsIn({ paths, listed = [], asked = [] }: ChannelStatement, tree: CommittedTree) {
  const files = paths.flatMap((path): ChannelContent[] => {
    const file = tree.fileAt(path);
    return file ? [{ path, ...file }] : [];
  });
  const listings = listed.flatMap((path): StatedListing[] => {
    const entries = tree.listingAt(path);
    return entries ? [{ kind: "listing", path, entries }] : [];
  });
  if (files.length < paths.length || listings.length < listed.length) return undefined;
  const lists = listings.map(({ path, entries }) => ({
    path,
    judged: listingPath(path),
    ...listingContent(entries),
  }));
  const answers = asked.map((path) => ({
    path,
    judged: answerPath(path),
    ...answerContent(tree.typeAt(path), path),
  }));
  return { files, names: [...lists, ...answers], listings };
}
