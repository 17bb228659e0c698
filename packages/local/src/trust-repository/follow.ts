/**
 * Follows a trust repository: fetches what is offered, walks it from what this machine has authenticated, and moves
 * the pin only when every commit on the way is authentic. A refusal changes nothing.
 */
import { mkdirSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Policy } from "@firstmile/trust/policy/policy";
import {
  type AuthenticPolicy,
  type Introduction,
  RootOfTrust,
  type TrustCommit,
} from "@firstmile/trust/root/authenticate";
import { type Advance, judgeAdvance, judgeTime } from "@firstmile/trust/root/follow";
import { lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import { gitFetch } from "../git/fetch.ts";
import { initBare, type NeutralGit, neutralGit, RepositoryError, resolveRevision } from "../git/neutral.ts";
import { revList } from "../git/rev-list.ts";
import { type Pin, readPin, trustGitDir, writePin } from "./pin.ts";
import { readTrustCommits } from "./read.ts";

/** An authentic policy in force on this machine, with the files it was read from. */
export interface CurrentPolicy {
  readonly pin: Pin;
  readonly policy: Policy;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly reasons: readonly Reason[];
}

export interface Followed {
  readonly verdict: Verdict;
  /** Commits that are new to this machine. */
  readonly commits: number;
  readonly policy: Policy | undefined;
}

const HEAD_REF = "refs/firstmile/head";

/** Pins a trust repository: authenticates it from its introduction. `replace`: forget the one pinned before. */
export async function addTrust(
  stateDir: string,
  url: string,
  introduction: Introduction,
  now: number,
  options: { branch?: string; replace?: boolean },
): Promise<Followed> {
  const before = options.replace ? undefined : readPin(stateDir);
  if (before) return alreadyPinned(before);
  const next = `${trustGitDir(stateDir)}.new`;
  rmSync(next, { recursive: true, force: true });
  mkdirSync(join(stateDir, "trust"), { recursive: true, mode: 0o755 });
  await initBare(next, introduction.commit.length === 64 ? "sha256" : "sha1");
  await fetchHead(next, url, options.branch);
  const walk = await walkFrom(next, { introduction, followed: undefined, now, latestSeen: 0 });
  if (walk.followed.verdict.allowed) {
    rmSync(trustGitDir(stateDir), { recursive: true, force: true });
    await rename(next, trustGitDir(stateDir));
    writePin(stateDir, {
      url,
      branch: options.branch,
      introduction,
      followed: walk.head,
      updated: now,
      latestSeen: now,
    });
  } else rmSync(next, { recursive: true, force: true });
  return walk.followed;
}

/** Fetches the pinned repository and follows it, if what it offers is authentic and forward. */
export async function updateTrust(stateDir: string, now: number): Promise<Followed> {
  const pin = readPin(stateDir);
  if (!pin) return nothingPinned();
  const dir = trustGitDir(stateDir);
  await fetchHead(dir, pin.url, pin.branch);
  const walk = await walkFrom(dir, { ...pin, now });
  if (walk.followed.verdict.allowed) {
    writePin(stateDir, {
      ...pin,
      followed: walk.head,
      updated: now,
      latestSeen: Math.max(now, pin.latestSeen),
    });
  }
  return walk.followed;
}

/** The policy that this machine follows, judged anew at `now`. Undefined: none is pinned. */
export async function currentPolicy(stateDir: string, now: number): Promise<CurrentPolicy | undefined> {
  const pin = readPin(stateDir);
  if (!pin) return undefined;
  const git = await neutralGit(trustGitDir(stateDir));
  try {
    const [commit] = await readTrustCommits(trustGitDir(stateDir), git, [pin.followed]);
    const root = new RootOfTrust(now);
    const resumed = root.resume(commit!);
    const authentic = root.get(pin.followed);
    if (!authentic)
      throw new RepositoryError(`the rules that this machine follows cannot be read: ${resumed.message}`);
    const reasons = [resumed, judgeTime(authentic.policy, now, pin.latestSeen)];
    return { pin, policy: authentic.policy, files: commit!.files, reasons };
  } finally {
    git.dispose();
  }
}

async function fetchHead(dir: string, url: string, branch: string | undefined): Promise<void> {
  const from = branch === undefined ? "HEAD" : `refs/heads/${branch}`;
  await gitFetch({ into: dir, url, refspecs: [`+${from}:${HEAD_REF}`, "+refs/notes/*:refs/notes/*"] });
}

interface Walk {
  readonly introduction: Introduction;
  readonly followed: CommitId | undefined;
  readonly now: number;
  readonly latestSeen: number;
}

async function walkFrom(dir: string, walk: Walk): Promise<{ head: CommitId; followed: Followed }> {
  const git = await neutralGit(dir);
  try {
    const head = (await resolveRevision(dir, HEAD_REF)) as CommitId;
    return { head, followed: await judgeWalk(dir, git, head, walk) };
  } finally {
    git.dispose();
  }
}

async function judgeWalk(dir: string, git: NeutralGit, head: CommitId, walk: Walk): Promise<Followed> {
  const start = walk.followed ?? walk.introduction.commit;
  const subject = { kind: "trust repository", name: "", commit: head } as const;
  const advance = walk.followed === undefined ? "forward" : await advanceOf(git, walk.followed, head);
  const forward = judgeAdvance({ followed: walk.followed, head, advance });
  if (!forward.ok) return { verdict: verdict(subject, [forward]), commits: 0, policy: undefined };
  const fresh = (await revList(git, [head], [start])).reverse();
  const root = new RootOfTrust(walk.now);
  const reasons = await authenticateAll(dir, git, root, [start, ...fresh], walk);
  const authentic = root.get(head);
  const all = [...reasons.filter((reason) => !reason.ok), forward, ...atHead(authentic, head, walk)];
  const name = authentic?.policy.name ?? "";
  return { verdict: verdict({ ...subject, name }, all), commits: fresh.length, policy: authentic?.policy };
}

async function authenticateAll(
  dir: string,
  git: NeutralGit,
  root: RootOfTrust,
  ids: readonly CommitId[],
  walk: Walk,
): Promise<Reason[]> {
  const [first, ...rest] = await readTrustCommits(dir, git, ids);
  const begin = walk.followed === undefined ? root.introduce(first!, walk.introduction) : root.resume(first!);
  if (!begin.ok) return [begin];
  for (const commit of await olderParents(dir, git, ids, rest, walk)) root.resume(commit);
  return [begin, ...rest.map((commit) => root.add(commit))];
}

/** Where a new commit merges a branch that began before what is followed: that beginning was authenticated too. */
async function olderParents(
  dir: string,
  git: NeutralGit,
  ids: readonly CommitId[],
  fresh: readonly TrustCommit[],
  walk: Walk,
): Promise<TrustCommit[]> {
  const have = new Set(ids);
  const parents = fresh.flatMap(({ content }) => parseCommit(content).parents).filter((id) => !have.has(id));
  if (walk.followed === undefined || parents.length === 0) return [];
  const { commit: introduction } = walk.introduction;
  const authenticated = new Set([introduction, ...(await revList(git, [walk.followed], [introduction]))]);
  return readTrustCommits(
    dir,
    git,
    [...new Set(parents)].filter((id) => authenticated.has(id)),
  );
}

function atHead(authentic: AuthenticPolicy | undefined, head: CommitId, { now, latestSeen }: Walk): Reason[] {
  if (!authentic)
    return [
      lacking(
        "not-a-descendant",
        `${head.slice(0, 12)} is not reached from the introduction by authentic commits`,
      ),
    ];
  return [authentic.why, judgeTime(authentic.policy, now, latestSeen)];
}

async function advanceOf(git: NeutralGit, followed: CommitId, head: CommitId): Promise<Advance> {
  if (head === followed) return "same";
  const [gained, lost] = await Promise.all([
    revList(git, [head], [followed]),
    revList(git, [followed], [head]),
  ]);
  if (lost.length === 0) return "forward";
  return gained.length === 0 ? "backward" : "diverged";
}

function alreadyPinned(pin: Pin): Followed {
  const reason = lacking("rollback", `this machine follows ${pin.url} already`, {
    remedy: "firstmile trust update; to follow another one instead, add --replace",
  });
  return {
    verdict: verdict({ kind: "trust repository", name: "", commit: pin.followed }, [reason]),
    commits: 0,
    policy: undefined,
  };
}

function nothingPinned(): Followed {
  const reason = lacking("no-policy", "this machine follows no trust repository", {
    remedy: "firstmile trust add URL --introduction COMMIT --signed-by FINGERPRINT",
  });
  return {
    verdict: verdict({ kind: "trust repository", name: "", commit: "" }, [reason]),
    commits: 0,
    policy: undefined,
  };
}
