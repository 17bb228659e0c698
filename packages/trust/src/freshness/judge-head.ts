/**
 * Whether a commit is the newest, or was it a short time ago. Claim: for a commit that passes, people who meet the
 * rule's role said, no longer ago than its maximum age, that this commit or an ancestor of it was the newest.
 * Against: whoever stands between a reader and a repository and serves an old state for ever, each part of which is
 * authentic; old statements served again; one person of a role that asks for two. Left out: what is in the commit,
 * and how the statements were signed, which is checked before they come here.
 *
 * An age that the rule allows is allowed even where a newer commit is known: a reader three days behind is what
 * "at most seven days" means. It is told. But nothing is the newest after something that descends from it was: a
 * later statement for the older commit comes from a person who had not looked, and does not count. A person who lately called
 * two commits the newest that are not on one line is not heard at all.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import type { HeadRule } from "../policy/policy.ts";
import { type Electorate, isMet, meets } from "../policy/thresholds.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";

/** "This commit was the newest at this time", by people whose signatures were found good. */
export interface HeadStatement {
  readonly commit: CommitId;
  /** Unix seconds. */
  readonly at: number;
  readonly principals: ReadonlySet<PrincipalName>;
}

/**
 * How many commits `descendant` has beyond `ancestor`, 0 where both are the same; undefined where it does not descend
 * from it, or one of them is not known here.
 */
export type Ancestry = (ancestor: CommitId, descendant: CommitId) => number | undefined;

export interface HeadQuestion {
  readonly rule: HeadRule;
  readonly policy: Electorate;
  /** What the commit is one of, for a person: "the rules of acme", "source nixpkgs". */
  readonly subject: string;
  /** What would bring a newer statement, for a person. */
  readonly remedy: string;
  /** The commit in use. */
  readonly commit: CommitId;
  readonly statements: readonly HeadStatement[];
  readonly ancestry: Ancestry;
  /** Whether the commit is here, so that `ancestry` says nothing of it for no other reason than that. Absent: none is. */
  readonly isHere?: (commit: CommitId) => boolean;
  /** Unix seconds. */
  readonly now: number;
}

export interface Freshness {
  readonly reason: Reason;
  /** When enough people last said so, in Unix seconds; undefined where they did not within the maximum age. */
  readonly statedAt: number | undefined;
  /** After that the commit is stale unless somebody says so again, in Unix seconds. */
  readonly until: number | undefined;
  /** What is to be told then. */
  readonly lapse: Reason;
}

/** Seconds by which a signer's clock may be ahead of the reader's. */
export const CLOCK_AHEAD = 3600;

/** The finding alone. */
export function judgeHead(question: HeadQuestion): Reason {
  return freshnessOf(question).reason;
}

export function freshnessOf(question: HeadQuestion): Freshness {
  const forked = forks(question);
  if (forked.length === 0) return freshnessBy(question);
  const people = new Set(forked.map(({ by }) => by));
  const statements = question.statements.map((one) => ({
    ...one,
    principals: one.principals.difference(people),
  }));
  const others = freshnessBy({ ...question, statements });
  return others.reason.ok ? others : refused(equivocation(question, forked));
}

interface Fork {
  readonly by: PrincipalName;
  readonly heads: readonly [HeadStatement, HeadStatement];
}

/** Two commits that one person called the newest within the maximum age, where neither descends from the other. */
function forks({ statements, ancestry, isHere, now, rule }: HeadQuestion): Fork[] {
  if (isHere === undefined) return [];
  const recent = statements.filter(
    ({ at, commit }) => at >= now - rule.maxAge && at <= now + CLOCK_AHEAD && isHere(commit),
  );
  const isApart = (a: CommitId, b: CommitId) =>
    a !== b && ancestry(a, b) === undefined && ancestry(b, a) === undefined;
  return recent.flatMap((one, i) =>
    recent
      .slice(i + 1)
      .filter(({ commit }) => isApart(one.commit, commit))
      .flatMap((two) =>
        [...one.principals.intersection(two.principals)].map((by): Fork => ({ by, heads: [one, two] })),
      ),
  );
}

function equivocation({ subject }: HeadQuestion, forked: readonly Fork[]): Reason {
  const because = forked.slice(0, SHOWN).map(({ by, heads: [one, two] }) => {
    const said = [one, two].map(({ commit, at }) => `${short(commit)} on ${day(at)}`).join(" and ");
    return lacking("equivocation", `${by} called two commits the newest that are not on one line: ${said}`);
  });
  const names = [...new Set(forked.map(({ by }) => by))].sort().join(" and ");
  const message = `${names} called two commits the newest of ${subject} that are not on one line, so their word counts for neither`;
  const remedy =
    "ask them which one is right: another person may have their key. Another person of the role can say it";
  return lacking("equivocation", message, { because, remedy });
}

function freshnessBy(question: HeadQuestion): Freshness {
  const { rule, now, statements } = question;
  const past = statements.filter(({ at }) => at <= now + CLOCK_AHEAD);
  const recent = covering(question, past).filter(({ at }) => at >= now - rule.maxAge);
  const statedAt = lastMet(question, recent);
  const overtaken = overtakenBy(question, past, statedAt ?? Number.POSITIVE_INFINITY);
  if (overtaken) return refused(behind(question, overtaken));
  if (statedAt === undefined) return refused(nobodySaidSo(question, past));
  const until = statedAt + rule.maxAge;
  const names = peopleOf(recent.filter(({ at }) => at >= statedAt));
  const newer = overtakenBy(question, past, Number.POSITIVE_INFINITY);
  const since = newer ? `; ${newer.commits} newer since ${day(newer.statement.at)}` : "";
  const message = `${short(question.commit)} was the newest of ${question.subject} on ${day(statedAt)}, says ${names}; good until ${day(until)}${since}`;
  return { reason: found("fresh", message), statedAt, until, lapse: lapsed(question, until) };
}

/** The same finding at a later time: nothing else in it depends on the clock. */
export function freshnessAt({ reason, until, lapse }: Freshness, now: number): Reason {
  return reason.ok && until !== undefined && now > until ? lapse : reason;
}

/** Statements that speak for the commit: what they name is the commit itself, or older than it. */
function covering({ commit, ancestry }: HeadQuestion, statements: readonly HeadStatement[]): HeadStatement[] {
  return statements.filter((statement) => ancestry(statement.commit, commit) !== undefined);
}

/** The latest time since when enough people have spoken. People count, and each once, however many statements. */
function lastMet({ rule, policy }: HeadQuestion, statements: readonly HeadStatement[]): number | undefined {
  const group = policy.roles.get(rule.signedBy);
  if (!group) return undefined;
  const people = new Set<PrincipalName>();
  for (const { at, principals } of statements.toSorted((a, b) => b.at - a.at)) {
    for (const name of principals) people.add(name);
    if (isMet(group, people, policy)) return at;
  }
  return undefined;
}

interface Overtaken {
  readonly statement: HeadStatement;
  /** How many commits the one named has beyond the one in use. */
  readonly commits: number;
}

/**
 * What descends from the commit and was, no later than `by`, the newest in the words of enough people. One person
 * of a role that asks for two cannot make a commit stale by naming a descendant of their own making.
 */
function overtakenBy(
  question: HeadQuestion,
  past: readonly HeadStatement[],
  by: number,
): Overtaken | undefined {
  const { commit, ancestry } = question;
  const newer = past.flatMap((statement) => {
    const commits = statement.at <= by ? ancestry(commit, statement.commit) : undefined;
    return commits ? [{ statement, commits }] : [];
  });
  if (
    lastMet(
      question,
      newer.map(({ statement }) => statement),
    ) === undefined
  )
    return undefined;
  return newer.reduce((a, b) => (b.commits > a.commits ? b : a));
}

function behind({ commit, subject, remedy }: HeadQuestion, { statement, commits }: Overtaken): Reason {
  const message = `${short(commit)} is ${counted(commits)} behind ${short(statement.commit)}, which was the newest of ${subject} on ${day(statement.at)}, says ${peopleOf([statement])}`;
  return lacking("stale-head", message, { remedy });
}

function nobodySaidSo(question: HeadQuestion, past: readonly HeadStatement[]): Reason {
  const { rule, policy, commit, subject, remedy, statements, now } = question;
  const group = policy.roles.get(rule.signedBy);
  const wanted = `role ${rule.signedBy} has not said since ${day(now - rule.maxAge)} that ${short(commit)} is the newest of ${subject}`;
  const because = statements
    .toSorted((a, b) => b.at - a.at)
    .slice(0, SHOWN)
    .map((statement) => lacking("stale-head", whyNot(question, past, statement)));
  if (
    group &&
    !meets(group, new Set(statements.flatMap((s) => [...s.principals])), policy).met &&
    because.length > 0
  )
    return lacking("stale-head", `${wanted}: too few of it did`, { remedy, because });
  return lacking("stale-head", wanted, { remedy, because });
}

/** Most statements told below one refusal. */
const SHOWN = 5;

function whyNot(
  { rule, commit, ancestry, now }: HeadQuestion,
  past: readonly HeadStatement[],
  statement: HeadStatement,
): string {
  const says = `${peopleOf([statement])} said on ${day(statement.at)} that ${short(statement.commit)} is`;
  if (!past.includes(statement)) return `${says}: that is in the future`;
  if (ancestry(commit, statement.commit)) return `${says}, which is newer; that alone is not enough people`;
  if (ancestry(statement.commit, commit) === undefined)
    return `${says}, which is not on one line with it, or not known here`;
  if (statement.at < now - rule.maxAge) return `${says}: too long ago`;
  return `${says}; that alone is not enough people`;
}

function refused(reason: Reason): Freshness {
  return { reason, statedAt: undefined, until: undefined, lapse: reason };
}

function lapsed({ subject, remedy, commit }: HeadQuestion, until: number): Reason {
  const message = `that ${short(commit)} is the newest of ${subject} was good until ${day(until)}, and nobody has said it again`;
  return lacking("stale-head", message, { remedy });
}

function peopleOf(statements: readonly HeadStatement[]): string {
  const names = new Set(statements.flatMap(({ principals }) => [...principals]));
  return [...names].sort().join(" and ") || "nobody whom the policy names";
}

function counted(commits: number): string {
  return commits === 1 ? "1 commit" : `${commits} commits`;
}

function short(id: CommitId): string {
  return id.slice(0, 12);
}

/** Times that no calendar holds come from statements made to break the reader. */
function day(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? "a day beyond the calendar"
    : date.toISOString().slice(0, 16).replace("T", " ");
}
