/**
 * A source's history, fetched from all its mirrors into a repository of this user's. Claim: only what is new comes
 * over the wire, and where commits suffice, nothing else does; what one mirror sends never stands in for what another
 * says. Against: a mirror that is slow, endless or wrong, which is told and costs its own limits alone. Left out:
 * what the history is worth.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { SilentPlace } from "@firstmile/trust/freshness/served-heads";
import { gitFetch, isBranchName, listRemote, RemoteError, remoteBranch } from "../git/fetch.ts";
import type { Limits } from "../git/limited-git.ts";
import {
  initBare,
  type ObjectFormat,
  quietGitEnv,
  RepositoryError,
  resolveRevision,
} from "../git/neutral.ts";
import { ProcessError, run, runOk } from "../process/run.ts";
import { LIMITS, STATEMENTS_REF } from "../statements/place.ts";
import { listRefFiles, listRefs } from "../statements/tree.ts";
import { NOTES, placeKey } from "./ask-places.ts";

/** A large history, from a server that is slow and not idle (Git ends one that is). */
const SOURCE_LIMITS: Limits = { timeoutMs: 3_600_000, maxBytes: 8 * 2 ** 30 };
const MAX_PLACES = 16;

export interface SourceQuestion {
  readonly stateDir: string;
  readonly urls: readonly string[];
  readonly format: ObjectFormat;
  /** Leave trees and files away, where the server can. */
  readonly onlyCommits: boolean;
  /** A branch, a tag or a whole commit id. Undefined: the branch that the first mirror calls its own. */
  readonly revision: string | undefined;
  readonly limits?: Partial<Limits>;
}

export interface SourceAnswers {
  /** The repository that has the histories of all `heads`. */
  readonly repository: string;
  readonly heads: readonly { readonly url: string; readonly head: CommitId }[];
  readonly silent: readonly SilentPlace[];
  /** What mirrors carry no longer, a sentence each. */
  readonly dropped: readonly string[];
  /** What was transferred. */
  readonly bytes: number;
  /** Whether trees and files are here: asked for, or sent by a server that cannot leave them out. */
  readonly whole: boolean;
}

/** Brings here what is new. Throws `RemoteError` where no mirror has the revision. */
export async function fetchSource(question: SourceQuestion): Promise<SourceAnswers> {
  const urls = [...new Set(question.urls)].slice(0, MAX_PLACES);
  const repository = await repositoryFor(question, urls);
  const places = urls.map((url) => new Place(repository, url, question));
  const wanted = await wantedOf(question, places);
  await Promise.all(places.map((place) => place.list(wanted)));
  const heads: { url: string; head: CommitId }[] = [];
  // One after the other: what the first one sent, the next ones need not send again.
  for (const place of places) {
    const head = await place.bring();
    if (head !== undefined) heads.push({ url: place.url, head });
  }
  const silent = places.flatMap(({ url, problem }) => (problem === undefined ? [] : [{ url, problem }]));
  if (heads.length === 0) throw new RemoteError(silent.map(({ problem }) => problem).join("; "));
  const bytes = places.reduce((sum, place) => sum + place.bytes, 0);
  const dropped = places.flatMap((place) => place.dropped);
  return { repository, heads, silent, dropped, bytes, whole: await hasTree(repository, heads[0]!.head) };
}

async function hasTree(repository: string, head: CommitId): Promise<boolean> {
  const args = ["-C", repository, "cat-file", "-e", `${head}^{tree}`];
  return (await run("git", args, { env: quietGitEnv() })).code === 0;
}

async function repositoryFor({ stateDir, format, onlyCommits }: SourceQuestion, urls: readonly string[]) {
  const dir = join(stateDir, "verified", `${placeKey(JSON.stringify([urls, onlyCommits, format]))}.git`);
  if (!existsSync(join(dir, "HEAD"))) await initBare(dir, format);
  return dir;
}

/** What to ask each mirror for: the same branch of all, since each may call another one its own. */
type Wanted =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "named"; readonly names: readonly string[] };

async function wantedOf({ revision }: SourceQuestion, places: readonly Place[]): Promise<Wanted> {
  if (revision !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision))
    return { kind: "id", id: revision };
  if (revision !== undefined && revision !== "HEAD") {
    if (!isBranchName(revision))
      throw new RepositoryError(`${JSON.stringify(revision)} is no branch, tag or whole commit id`);
    return { kind: "named", names: [`refs/heads/${revision}`, `refs/tags/${revision}`] };
  }
  if (places.length === 1) return { kind: "named", names: ["HEAD"] };
  for (const place of places) {
    const branch = await place.ownBranch();
    if (branch !== undefined) return { kind: "named", names: [`refs/heads/${branch}`] };
  }
  return { kind: "named", names: ["HEAD"] };
}

/** One mirror, and how asking it went. */
class Place {
  readonly url: string;
  problem: string | undefined;
  bytes = 0;
  /** What it carries no longer, for a person. */
  readonly dropped: string[] = [];
  private readonly repository: string;
  private readonly question: SourceQuestion;
  private readonly key: string;
  private listed: ReadonlyMap<string, string> = new Map();
  private wanted: { readonly name: string; readonly id: string } | undefined;

  constructor(repository: string, url: string, question: SourceQuestion) {
    this.repository = repository;
    this.url = url;
    this.question = question;
    this.key = placeKey(url);
  }

  ownBranch(): Promise<string | undefined> {
    return this.attempt(() => remoteBranch(this.repository, this.url, this.listLimits()));
  }

  /** Asks what there is. */
  async list(wanted: Wanted): Promise<void> {
    const names = wanted.kind === "named" ? wanted.names : [];
    await this.attempt(async () => {
      const patterns = [...names, ...NOTES, STATEMENTS_REF];
      this.listed = await listRemote(this.repository, this.url, patterns, this.listLimits());
    });
    const name = names.find((candidate) => this.listed.has(candidate));
    if (wanted.kind === "id") this.wanted = { name: wanted.id, id: wanted.id };
    else if (name !== undefined) this.wanted = { name, id: this.listed.get(name)! };
    else this.problem ??= `${this.url} has no ${names.join(" and no ")}`;
  }

  /** The head, when it is here with its evidence; undefined where there is a problem. */
  async bring(): Promise<CommitId | undefined> {
    const { wanted } = this;
    if (this.problem !== undefined || wanted === undefined) return undefined;
    return await this.attempt(async () => {
      const here = `refs/firstmile/places/${this.key}/${placeKey(wanted.name)}`;
      await this.bringHistory(wanted, here);
      for (const [i, name] of [...NOTES, STATEMENTS_REF].entries()) await this.bringEvidence(name, i);
      return (await resolveRevision(this.repository, here)) as CommitId;
    });
  }

  private async bringHistory({ name, id }: { name: string; id: string }, here: string): Promise<void> {
    if (await this.has(id)) return await this.point(here, id);
    const { onlyCommits } = this.question;
    try {
      await this.fetch([`+${name}:${here}`], { onlyCommits });
    } catch (error) {
      // Some servers give no commit by its id alone: it may be on one of their branches.
      if (name !== id || !(error instanceof RemoteError)) throw error;
      await this.fetch([`+refs/heads/*:refs/firstmile/places/${this.key}/heads/*`], { onlyCommits });
      if (!(await this.has(id))) throw new RemoteError(`${this.url} has no commit ${id}`);
      await this.point(here, id);
    }
  }

  private async point(ref: string, id: string): Promise<void> {
    const args = ["-C", this.repository, "update-ref", "--end-of-options", ref, id];
    await runOk("git", args, { env: quietGitEnv() });
  }

  /** A history of its own, whole even where commits suffice: its trees hold the co-signatures and statements. */
  private async bringEvidence(name: string, i: number): Promise<void> {
    const id = this.listed.get(name);
    const folder = name === STATEMENTS_REF ? STATEMENTS_REF : "refs/firstmile/notes";
    const here = `${folder}/${this.key}/${i}`;
    if (id === undefined || (await this.idOf(here)) === id) return;
    const before = await this.idOf(here);
    await this.fetch([`+${name}:${here}`], { apart: true });
    if (name === STATEMENTS_REF && before !== undefined) await this.keepDropped(here, before);
  }

  /** What the mirror's statements lack of those before stays, under a reference of its own. */
  private async keepDropped(here: string, before: string): Promise<void> {
    const { repository } = this;
    const ref = `${STATEMENTS_REF}/${this.key}`;
    const kept = `${ref}/dropped-${before}`;
    await this.point(kept, before);
    const refs = await listRefs(repository, ref);
    const idsOf = async (name: string) =>
      (await listRefFiles({ kind: "ref", repository, ref: name })).map(({ id }) => id);
    const others = await Promise.all(refs.filter((one) => one.name !== kept).map((one) => idsOf(one.name)));
    const carried = new Set(others.flat());
    const dropped = (await idsOf(kept)).filter((id) => !carried.has(id)).length;
    if (dropped === 0) return await this.unpoint(kept);
    if (refs.length > LIMITS.refs) {
      await this.point(here, before);
      await this.unpoint(kept);
      throw new RemoteError(
        `${this.url} dropped statements ${LIMITS.refs} times, and nothing new is taken of it`,
      );
    }
    const what = dropped === 1 ? "1 statement is" : `${dropped} statements are`;
    this.dropped.push(`${what} no longer carried by ${this.url}, and heard here all the same`);
  }

  private async unpoint(ref: string): Promise<void> {
    await runOk("git", ["-C", this.repository, "update-ref", "-d", ref], { env: quietGitEnv() });
  }

  private async fetch(
    refspecs: readonly string[],
    how: { onlyCommits?: boolean; apart?: boolean },
  ): Promise<void> {
    const limits = { ...SOURCE_LIMITS, ...this.question.limits };
    const { bytes } = await gitFetch({ into: this.repository, url: this.url, refspecs, limits, ...how });
    this.bytes += bytes;
  }

  private listLimits(): Partial<Limits> {
    const { timeoutMs } = this.question.limits ?? {};
    return timeoutMs === undefined ? {} : { timeoutMs };
  }

  private async has(id: string): Promise<boolean> {
    const found = await run("git", ["-C", this.repository, "cat-file", "-e", id], { env: quietGitEnv() });
    return found.code === 0;
  }

  private async idOf(ref: string): Promise<string | undefined> {
    const args = ["-C", this.repository, "rev-parse", "--verify", "--quiet", "--end-of-options", ref];
    const found = await run("git", args, { env: quietGitEnv() });
    return found.code === 0 ? found.stdout.toString("latin1").trim() : undefined;
  }

  /** A failure is this mirror's own; the first one is told. */
  private async attempt<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.problem !== undefined) return undefined;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RepositoryError || error instanceof ProcessError)) throw error;
      this.problem = error.message;
      return undefined;
    }
  }
}
