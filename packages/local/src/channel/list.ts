/**
 * What was published of a source, commit by commit, the newest first. Claim: `accepted` is what a decision would say,
 * asked in the same way. Leaves out commits that are not in the repository at hand: of these the words are known, and
 * neither their time nor whether the files are those that were signed.
 */

import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { type Publication, publications, publishedSlices } from "@firstmile/trust/slice/channels";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { electorateNow } from "../evidence/electorate.ts";
import { heardStatements } from "../evidence/statements.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { gatherCase } from "../slicing/gather.ts";
import type { StatementPlace } from "../statements/place.ts";

export interface ChannelQuestion {
  /** Path of a Git repository with the source's history, as far as it is here. */
  readonly repository: string;
  /** With its imports resolved. */
  readonly policy: Policy;
  readonly source: Source;
  readonly statements: readonly StatementPlace[];
  /** Unix seconds. */
  readonly now: number;
}

export interface PublishedCommit {
  readonly commit: CommitId;
  /** Committer's time in Unix seconds; undefined: the commit is not here. It orders, and proves nothing. */
  readonly time: number | undefined;
  readonly publications: readonly Publication[];
}

/** All that somebody of the policy published, whether or not it is accepted. */
export async function publishedCommits(question: ChannelQuestion): Promise<PublishedCommit[]> {
  const { repository, now, source: asked } = question;
  const { policy: filled } = electorateNow(question.policy, now);
  const places = [{ kind: "ref" as const, repository }, ...question.statements];
  const { statements } = await heardStatements(filled, places, now);
  const policy = new Distrust(filled, statements).applied(filled);
  const source = policy.sources.get(asked.name)!;
  const all = publications(policy, source, undefined, identitiesOf(policy).ownerOf, statements);
  const byCommit = Map.groupBy(all, ({ channel }) => channel.commit);
  const times = await timesOf(repository, [...byCommit.keys()]);
  return [...byCommit]
    .map(([commit, own]) => ({ commit, time: times.get(commit), publications: own }))
    .sort((a, b) => (b.time ?? 0) - (a.time ?? 0) || (a.commit < b.commit ? -1 : 1));
}

async function timesOf(repository: string, commits: readonly CommitId[]): Promise<Map<CommitId, number>> {
  const git = await neutralGit(repository);
  const times = new Map<CommitId, number>();
  try {
    using objects = new GitObjects(git.env);
    await objects.each(commits, (object, place) => {
      if (object && "content" in object && object.type === "commit")
        times.set(commits[place]!, parseCommit(object.content).committer.identity().time);
    });
    return times;
  } finally {
    git.dispose();
  }
}

/** What of a published commit holds. */
export interface AcceptedCommit {
  readonly accepted: boolean;
  /** Files that are vouched for there. */
  readonly files: number;
  /** Listings, and names that were asked for. */
  readonly names: number;
  readonly by: readonly PrincipalName[];
  /** Why nothing is; for a person. */
  readonly problem: string | undefined;
}

/** Asked as a decision would ask. Throws `RepositoryError` where the repository cannot be read. */
export async function acceptedAt(
  question: ChannelQuestion,
  { commit, time, publications: published }: PublishedCommit,
): Promise<AcceptedCommit> {
  const no = (problem: string) => ({ accepted: false, files: 0, names: 0, by: [], problem });
  const { source } = question;
  if (source.channel === undefined) return no("the rules follow no channel for this source");
  if (!published.some(({ met }) => met)) return no(`role ${source.channel} asks for more`);
  if (time === undefined) return no("the commit is not here");
  const gathered = await gatherCase({ ...question, commit });
  const { origin, vouched, vouchedNames, policy, source: now, statements } = gathered;
  if (!origin.ok) return no(origin.message);
  const { ownerOf } = identitiesOf(policy);
  if (vouched.size === 0 && publishedSlices(policy, now, commit, ownerOf, statements).length === 0)
    return no("a key that signed this is distrusted, compromised or retired here, and counts no more");
  if (vouched.size === 0) return no("the files at this commit are not those that were signed");
  const by = new Set([...vouched.values()].flatMap((one) => one.by));
  const names = vouchedNames?.vouched.size ?? 0;
  return { accepted: true, files: vouched.size, names, by: [...by].sort(), problem: undefined };
}
