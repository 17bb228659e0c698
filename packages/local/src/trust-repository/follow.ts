/**
 * Follows a trust repository: asks all places that serve it, authenticates what they offer from what this machine
 * has, and moves the pin only when every commit on the way is authentic and no authentic head is on another line.
 * A refusal changes nothing but the latest time seen (latest-seen.ts), and with one exception: what is authentic and newer, but was lately called the newest by no person
 * (`stale-head`), is followed and then decides nothing until somebody does. Staying on older rules would be worse,
 * since the newer ones may take a stolen key away.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Freshness } from "@firstmile/trust/freshness/judge-head";
import { judgeServedHeads } from "@firstmile/trust/freshness/served-heads";
import type { Policy } from "@firstmile/trust/policy/policy";
import { type AuthenticPolicy, type Introduction, RootOfTrust } from "@firstmile/trust/root/authenticate";
import { judgeAdvance, judgeTime } from "@firstmile/trust/root/follow";
import { lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import type { Limits } from "../git/limited-git.ts";
import { initBare, neutralGit, type ObjectFormat, quietGitEnv, RepositoryError } from "../git/neutral.ts";
import { ancestryAmong } from "../mirrors/ancestry.ts";
import { type Answers, askPlaces } from "../mirrors/ask-places.ts";
import {
  type FoundHead,
  findHeads,
  freshnessIn,
  keepHeads,
  statementPlacesIn,
} from "../mirrors/head-statements.ts";
import { runOk } from "../process/run.ts";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { within } from "./foreign-urls.ts";
import { heldReadings, readingsOf } from "./held-readings.ts";
import { keepLost } from "./keep-words.ts";
import { noteSeen, setLatestSeen } from "./latest-seen.ts";
import { type FormerRules, formerRules } from "./past.ts";
import { type Pin, readPin, trustGitDir, writePin } from "./pin.ts";
import { readTrustCommits } from "./read.ts";
import { activeKeys, retirements, withVouched } from "./retired-keys.ts";
import { type Walk, type WalkedHead, walkTo } from "./walk.ts";

/** Folder beside the repository, for statements about the newest commit. */
const HEADS = "heads";

/** An authentic policy in force on this machine, with the files it was read from. */
export interface CurrentPolicy {
  readonly pin: Pin;
  readonly policy: Policy;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The last one is on the policy's time. */
  readonly reasons: readonly Reason[];
  /** How fresh it is by signed statements; undefined where the policy asks for none. */
  readonly freshness: Freshness | undefined;
}

export interface Followed {
  readonly verdict: Verdict;
  /** Commits that are new to this machine. */
  readonly commits: number;
  readonly policy: Policy | undefined;
  /** Statements that its tree carries no longer, a sentence each: they stay in force here. */
  readonly lost?: readonly string[];
}

export interface AddOptions {
  readonly branch?: string;
  /** Forget the one pinned before. */
  readonly replace?: boolean;
  /** Where else it is served. */
  readonly mirrors?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Rules beside its own whose people may have signed what its tree carries. */
  readonly known?: readonly Policy[];
}

/** Pins a trust repository: authenticates it from its introduction. */
export async function addTrust(
  stateDir: string,
  url: string,
  introduction: Introduction,
  now: number,
  { branch, replace = false, mirrors = [], limits, known = [] }: AddOptions,
): Promise<Followed> {
  const before = replace ? undefined : readPin(stateDir);
  if (before) return alreadyPinned(before);
  const next = `${trustGitDir(stateDir)}.new`;
  rmSync(next, { recursive: true, force: true });
  mkdirSync(join(stateDir, "trust"), { recursive: true, mode: 0o755 });
  await initBare(next, formatOf(introduction.commit));
  const urls = [url, ...mirrors];
  const asked = { introduction, followed: undefined, now, latestSeen: 0 };
  const outcome = await follow(next, { ...asked, urls, branch, limits });
  let lost: readonly string[] = [];
  if (outcome.followed.verdict.allowed && outcome.head !== undefined) {
    lost = await keepDropped({ stateDir, now, url, outcome, known }, readablePin(stateDir), next);
    rmSync(trustGitDir(stateDir), { recursive: true, force: true });
    await rename(next, trustGitDir(stateDir));
    await keepHeads(headsDir(stateDir), outcome.heads);
    const moved = { followed: outcome.head, updated: now, latestSeen: now };
    writePin(stateDir, { url, mirrors, branch, introduction, ...moved });
    setLatestSeen(stateDir, now);
  } else rmSync(next, { recursive: true, force: true });
  return { ...outcome.followed, lost };
}

/** A pin that cannot be read is what `--replace` is there for. */
function readablePin(stateDir: string): Pin | undefined {
  try {
    return readPin(stateDir);
  } catch {
    return undefined;
  }
}

interface Dropping {
  readonly stateDir: string;
  readonly now: number;
  readonly url: string;
  readonly outcome: Outcome;
  readonly known: readonly Policy[];
}

/** Before the pin moves: what the tree carried until now and carries no longer stays in force. */
async function keepDropped(
  { stateDir, now, url, outcome: { head, followed }, known }: Dropping,
  pin: Pin | undefined,
  repository: string,
): Promise<string[]> {
  if (!pin || head === undefined || head === pin.followed) return [];
  const before = await currentPolicy(stateDir, now).catch(() => undefined);
  const policies = [before?.policy, followed.policy, ...known].filter((policy) => policy !== undefined);
  const after: StatementPlace = { kind: "commit", repository, commit: head };
  const held = trustStatements(stateDir, pin);
  return keepLost({ stateDir, policies, now }, { before: [held], after: [after], from: url });
}

export interface UpdateOptions extends Pick<AddOptions, "limits" | "known"> {
  /** Whether it is an import, whose own rules may not send this machine anywhere: foreign-urls.ts. */
  readonly isForeign?: boolean;
  /** Told of the rules that will be followed, before anything is written. */
  readonly beforeMoving?: (before: CurrentPolicy, next: Policy) => Promise<void>;
}

/** Asks all places of the pinned repository and follows it, if what they offer is authentic and forward. */
export async function updateTrust(
  stateDir: string,
  now: number,
  { limits, known = [], isForeign = false, beforeMoving }: UpdateOptions = {},
): Promise<Followed> {
  const pin = readPin(stateDir);
  if (!pin) return nothingPinned();
  const held = await wholeCopy(stateDir, pin, now);
  const here = trustGitDir(stateDir);
  // A damaged copy is fetched anew beside itself: what was followed must be in it, or the pin stays.
  const into = held ? here : `${here}.new`;
  if (!held) {
    rmSync(into, { recursive: true, force: true });
    await initBare(into, formatOf(pin.introduction.commit));
  }
  const named = placesOf(pin, held?.policy);
  const urls = isForeign ? within(named, [pin.url, ...pin.mirrors]) : named;
  const outcome = await follow(into, { ...pin, now, urls, limits });
  noteSeen(stateDir, pin.latestSeen, now);
  const dropping = { stateDir, now, url: pin.url, outcome, known };
  const lost = await keepDropped(dropping, pin, into);
  if (outcome.head !== undefined) {
    if (held && outcome.followed.policy) await beforeMoving?.(held, outcome.followed.policy);
    if (!held) {
      rmSync(here, { recursive: true, force: true });
      await rename(into, here);
    }
    await keepHeads(headsDir(stateDir), outcome.heads);
    const latestSeen = Math.max(now, pin.latestSeen);
    writePin(stateDir, { ...pin, followed: outcome.head, updated: now, latestSeen });
  }
  return { ...outcome.followed, lost };
}

/** The rules that are followed; undefined where this machine's copy of them, or of their statements, is damaged. */
async function wholeCopy(stateDir: string, pin: Pin, now: number): Promise<CurrentPolicy | undefined> {
  try {
    const current = await currentPolicy(stateDir, now);
    const { broken } = await readStatements([trustStatements(stateDir, pin)]);
    return broken.length === 0 ? current : undefined;
  } catch {
    return undefined;
  }
}

/** Every URL that is asked: those that this machine pins, and those that the rules it follows name. */
export function placesOf(pin: Pin, policy: Pick<Policy, "mirrors"> | undefined): string[] {
  return [...new Set([pin.url, ...pin.mirrors, ...(policy?.mirrors ?? [])])];
}

/** The statements that the followed state of the trust repository itself carries. */
export function trustStatements(stateDir: string, pin: Pin): StatementPlace {
  const called = "the trust repository";
  return { kind: "commit", repository: trustGitDir(stateDir), commit: pin.followed, first: true, called };
}

/** The policy that this machine follows, judged anew at `now`. Undefined: none is pinned. */
export async function currentPolicy(stateDir: string, now: number): Promise<CurrentPolicy | undefined> {
  const pin = readPin(stateDir);
  if (!pin) return undefined;
  const dir = trustGitDir(stateDir);
  const git = await neutralGit(dir);
  try {
    const [commit] = await readTrustCommits(dir, git, [pin.followed]);
    const root = new RootOfTrust(now);
    const resumed = root.resume(commit!);
    const authentic = root.get(pin.followed);
    if (!authentic)
      throw new RepositoryError(`the rules that this machine follows cannot be read: ${resumed.message}`);
    const { policy: followed } = authentic;
    const former = await formerRules({ git, tip: pin.followed, introduction: pin.introduction.commit });
    const policy = withVouched(
      withFormer(followed, former),
      await vouchedIn({ dir, stateDir, now }, followed, former),
    );
    const heads = await keptHeads(stateDir, policy, now);
    const freshness = await freshnessAtHead({ git, now }, authentic, heads);
    const stale = freshness ? [freshness.reason] : [];
    const reasons = [resumed, ...stale, judgeTime(policy, now, pin.latestSeen)];
    return { pin, policy, files: commit!.files, reasons, freshness };
  } finally {
    git.dispose();
  }
}

/** The rules with the people who were listened to before. */
export function withFormer(policy: Policy, former: readonly FormerRules[]): Policy {
  if (former.length === 0) return policy;
  return { ...policy, past: { former: former.map((one) => one.policy), imports: new Map() } };
}

/** What vouches for readings by keys that root retired: what was held, and what the repository carried before. */
async function vouchedIn(
  { dir, stateDir, now }: { readonly dir: string; readonly stateDir: string; readonly now: number },
  policy: Policy,
  former: readonly FormerRules[],
): Promise<ReadonlyMap<string, Iterable<string>>> {
  const retired = new Set(retirements(policy).keys());
  if (retired.size === 0) return new Map();
  const vouched = new Map<string, Set<string>>();
  for (const [key, said] of heldReadings(stateDir)) vouched.set(key, new Set(said));
  for (const one of former) {
    const active = retired.intersection(activeKeys(one.policy));
    if (active.size === 0) continue;
    const place = { kind: "commit", repository: dir, commit: one.commit } as const;
    for (const [key, said] of await readingsOf(one.policy, [place], active, now))
      vouched.set(key, new Set([...(vouched.get(key) ?? []), ...said]));
    // Each of these keys was in use in the nearest state that did not retire it: older ones add nothing.
    for (const key of active) retired.delete(key);
  }
  return vouched;
}

interface Following extends Omit<Walk, "dir" | "git"> {
  readonly urls: readonly string[];
  readonly branch?: string | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly latestSeen: number;
}

interface Outcome {
  readonly followed: Followed;
  /** What may be followed from now on; undefined where nothing changes. */
  readonly head: CommitId | undefined;
  readonly heads: readonly FoundHead[];
}

async function follow(dir: string, question: Following): Promise<Outcome> {
  const { urls, branch, limits = {} } = question;
  const format = formatOf(question.introduction.commit);
  const answers = await askPlaces({ into: dir, format, urls, branch, limits });
  const git = await neutralGit(dir);
  try {
    return await judgeAnswers({ ...question, dir, git }, answers);
  } finally {
    git.dispose();
  }
}

async function judgeAnswers(walk: Walk & Following, { heads, silent }: Answers): Promise<Outcome> {
  const walked = new Map<CommitId, WalkedHead>();
  for (const { head } of heads) if (!walked.has(head)) walked.set(head, await walkTo(walk, head));
  const served = heads.map(({ url, head }) => ({ url, head, standing: walked.get(head)!.standing }));
  const ids = [...walked.keys()];
  const ancestry = await ancestryAmong(walk.git, ids, ids);
  const { newest, reasons } = judgeServedHeads({ followed: walk.followed, served, silent, ancestry });
  const { authentic, commits = 0 } = (newest && walked.get(newest)) ?? {};
  if (!authentic) return denied(reasons, newest ?? ids[0]);
  return await judgeNewest(walk, authentic, reasons, commits);
}

async function judgeNewest(
  walk: Walk & Following,
  authentic: AuthenticPolicy,
  before: readonly Reason[],
  commits: number,
): Promise<Outcome> {
  const { policy, commit, why } = authentic;
  const advance = commit === walk.followed ? "same" : "forward";
  const moved = judgeAdvance({ followed: walk.followed, head: commit, advance });
  const heads = policy.head
    ? await findHeads(await headPlaces(walk, commit), policy, undefined, walk.now)
    : [];
  const freshness = await freshnessAtHead(walk, authentic, heads);
  const inTime = judgeTime(policy, walk.now, walk.latestSeen);
  const all = [moved, ...before, why, ...(freshness ? [freshness.reason] : []), inTime];
  const answer = verdict({ kind: "trust repository", name: policy.name, commit }, all);
  const head = inTime.ok ? commit : undefined;
  if (head) await keepObjects(walk.dir, head);
  return { followed: { verdict: answer, commits, policy }, head, heads };
}

/** What is followed stays, wherever the mirrors' own references go. */
async function keepObjects(dir: string, head: CommitId): Promise<void> {
  const args = ["-C", dir, "update-ref", "--end-of-options", "refs/firstmile/head", head];
  await runOk("git", args, { env: quietGitEnv() });
}

/** Statements travel beside the branch, and in the trust repository's own tree. */
async function headPlaces({ dir, followed }: Walk, commit: CommitId): Promise<readonly StatementPlace[]> {
  // Those that were kept before stay: a mirror that serves fewer of them takes none away.
  const kept: StatementPlace = { kind: "directory", path: join(dirname(dir), HEADS) };
  const before = followed !== undefined && existsSync(kept.path) ? [kept] : [];
  return [{ kind: "commit", repository: dir, commit }, ...before, ...(await statementPlacesIn(dir))];
}

async function freshnessAtHead(
  { git, now }: Pick<Walk, "git" | "now">,
  { policy, commit }: AuthenticPolicy,
  heads: readonly FoundHead[],
): Promise<Freshness | undefined> {
  if (!policy.head) return undefined;
  const subject = `the rules of ${visibleText(policy.name)}`;
  const remedy = `firstmile trust update; if that brings nothing, somebody of role ${policy.head.signedBy} runs firstmile trust head`;
  return await freshnessIn({ git, rule: policy.head, policy, subject, remedy, commit, heads, now });
}

async function keptHeads(stateDir: string, policy: Policy, now: number): Promise<FoundHead[]> {
  if (!policy.head) return [];
  return await findHeads([{ kind: "directory", path: headsDir(stateDir) }], policy, undefined, now);
}

function headsDir(stateDir: string): string {
  return join(stateDir, "trust", HEADS);
}

function denied(reasons: readonly Reason[], commit: CommitId | undefined): Outcome {
  const subject = { kind: "trust repository", name: "", commit: commit ?? "" } as const;
  return {
    followed: { verdict: verdict(subject, reasons), commits: 0, policy: undefined },
    head: undefined,
    heads: [],
  };
}

function formatOf(commit: CommitId): ObjectFormat {
  return commit.length === 64 ? "sha256" : "sha1";
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
