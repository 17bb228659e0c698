/**
 * Authenticates heads of a trust repository against what this machine has of it. Claim: a head is called authentic
 * only where every commit on the way from what is followed, or from the introduction, is. Against: a mirror that
 * puts any number of commits on top: reading stops at the first that root did not sign.
 */
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Standing } from "@firstmile/trust/freshness/served-heads";
import {
  type AuthenticPolicy,
  type Introduction,
  RootOfTrust,
  type TrustCommit,
} from "@firstmile/trust/root/authenticate";
import { judgeAdvance } from "@firstmile/trust/root/follow";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { NeutralGit } from "../git/neutral.ts";
import { exactRevList } from "../git/rev-list.ts";
import { readTrustCommits } from "./read.ts";

/** Where the walk starts, and when. */
export interface Walk {
  readonly dir: string;
  readonly git: NeutralGit;
  readonly introduction: Introduction;
  /** Undefined: nothing yet, so that the introduction must be vouched for by its pin. */
  readonly followed: CommitId | undefined;
  readonly now: number;
}

export interface WalkedHead {
  readonly standing: Standing;
  /** The policy of an authentic head. */
  readonly authentic: AuthenticPolicy | undefined;
  /** Commits that are new to this machine. */
  readonly commits: number;
}

/** Commits whose rules and keys are in memory at a time. */
const BATCH = 64;

export async function walkTo(walk: Walk, head: CommitId): Promise<WalkedHead> {
  const { git, followed } = walk;
  if (followed === undefined) return await forward(walk, head, walk.introduction.commit);
  if (head === followed) return await same(walk, head);
  const gained = await exactRevList(git, [head], [followed]);
  if (gained.length === 0) return { standing: { kind: "behind" }, authentic: undefined, commits: 0 };
  const lost = await exactRevList(git, [followed], [head]);
  return lost.length === 0 ? await forward(walk, head, followed) : await apart(walk, head, followed);
}

async function same({ dir, git, now }: Walk, head: CommitId): Promise<WalkedHead> {
  const root = new RootOfTrust(now);
  const [commit] = await readTrustCommits(dir, git, [head]);
  const resumed = root.resume(commit!);
  const standing: Standing = resumed.ok ? { kind: "same" } : { kind: "unauthentic", why: resumed };
  return { standing, authentic: root.get(head), commits: 0 };
}

async function forward(walk: Walk, head: CommitId, start: CommitId): Promise<WalkedHead> {
  const fresh = (await exactRevList(walk.git, [head], [start])).reverse();
  const root = new RootOfTrust(walk.now);
  const refusal = await authenticateAll(walk, root, start, fresh);
  const authentic = root.get(head);
  const standing: Standing =
    refusal || !authentic
      ? { kind: "unauthentic", why: refusal ?? notReached(head) }
      : { kind: "forward", why: authentic.why };
  return { standing, authentic, commits: fresh.length };
}

/** Another history than the one followed: authentic from the introduction, or of somebody without root's keys. */
async function apart(walk: Walk, head: CommitId, followed: CommitId): Promise<WalkedHead> {
  const { commit: start } = walk.introduction;
  const fresh = (await exactRevList(walk.git, [head], [start])).reverse();
  const root = new RootOfTrust(walk.now);
  const refusal = await authenticateAll(walk, root, start, fresh);
  const authentic = root.get(head);
  const standing: Standing =
    refusal || !authentic
      ? { kind: "unauthentic", why: judgeAdvance({ followed, head, advance: "diverged" }) }
      : { kind: "apart", why: authentic.why };
  return { standing, authentic, commits: fresh.length };
}

/** The first refusal on the way, parents before children; undefined where there is none. */
async function authenticateAll(
  walk: Walk,
  root: RootOfTrust,
  start: CommitId,
  fresh: readonly CommitId[],
): Promise<Reason | undefined> {
  const [first] = await readTrustCommits(walk.dir, walk.git, [start]);
  const begin = walk.followed === undefined ? root.introduce(first!, walk.introduction) : root.resume(first!);
  if (!begin.ok) return begin;
  for (let at = 0; at < fresh.length; at += BATCH) {
    const batch = await readTrustCommits(walk.dir, walk.git, fresh.slice(at, at + BATCH));
    for (const commit of await olderParents(walk, root, new Set(fresh), batch)) root.resume(commit);
    for (const commit of batch) {
      const reason = root.add(commit);
      if (!reason.ok) return reason;
    }
  }
  return undefined;
}

/** Where a new commit merges a branch that began before what is followed: that beginning was authenticated too. */
async function olderParents(
  { dir, git, introduction, followed }: Walk,
  root: RootOfTrust,
  fresh: ReadonlySet<CommitId>,
  batch: readonly TrustCommit[],
): Promise<TrustCommit[]> {
  const parents = batch
    .flatMap(({ content }) => parseCommit(content).parents)
    .filter((id) => !fresh.has(id) && !root.get(id));
  if (followed === undefined || parents.length === 0) return [];
  const { commit: begin } = introduction;
  const authenticated = new Set([begin, ...(await exactRevList(git, [followed], [begin]))]);
  const older = [...new Set(parents)].filter((id) => authenticated.has(id));
  return readTrustCommits(dir, git, older);
}

function notReached(head: CommitId): Reason {
  const message = `${head.slice(0, 12)} is not reached from the introduction by authentic commits`;
  return lacking("not-a-descendant", message);
}
