/**
 * Brings the statements that one evidence repository serves here, into a repository of their own.
 *
 * Claims: it ends, within limits on time, size and number; only what is called a reference of statements is taken; and
 * what is over a limit is taken not at all, so that what was held before stays. A copy that is damaged is fetched anew,
 * also where the server has nothing new. All users of the machine may read what came. Against: a server that is endless or
 * slow, one that serves any number of references, and a flood of statements, which must not push out what was heard
 * before it. Leaves out: what the statements say, and whether the server serves all that it was given.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { gitFetch, listRemote, RemoteError } from "../git/fetch.ts";
import type { Limits } from "../git/limited-git.ts";
import { initBare } from "../git/neutral.ts";
import { TRUST_LIMITS } from "../mirrors/ask-places.ts";
import { openToReaders } from "../state/readable.ts";
import { LIMITS, STATEMENTS_REF } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { type ListedStatement, listRefFiles } from "../statements/tree.ts";
import type { HeldEvidence } from "./evidence-index.ts";

export interface EvidenceLimits extends Limits {
  /** Statements of one repository, and their bytes in all. */
  readonly statements: number;
  readonly statementBytes: number;
}

/** A place alone may fill less than half of what a decision reads (`LIMITS`). */
export const EVIDENCE_LIMITS: EvidenceLimits = {
  ...TRUST_LIMITS,
  statements: 20_000,
  statementBytes: 100 << 20,
};

/** What a place serves now; `fresh`: how many of the statements were not held before. */
export interface BroughtEvidence extends Pick<HeldEvidence, "directory" | "tips" | "statements"> {
  readonly fresh: number;
}

/** How a directory is called until its place is settled: others that look meanwhile leave it alone. */
export const ASKING = "asking-";

/** `root`: below which the directories are. Throws `RepositoryError`, `ProcessError` where nothing is taken. */
export async function fetchEvidence(
  root: string,
  url: string,
  held: HeldEvidence | undefined,
  given: Partial<EvidenceLimits>,
): Promise<BroughtEvidence> {
  const limits = { ...EVIDENCE_LIMITS, ...given };
  mkdirSync(root, { recursive: true, mode: 0o755 });
  chmodSync(root, 0o755);
  const refs = await statementRefs(root, url, limits);
  const tips = [...refs.values()];
  const before = held?.directory === undefined ? undefined : join(root, held.directory);
  const isHere = before !== undefined && (await isWhole(before, held!.tips));
  if (isHere && tips.join(" ") === held!.tips.join(" ")) return { ...held!, fresh: 0 };
  if (tips.length === 0) throw new RemoteError(`${url} has no statements: it serves no ${STATEMENTS_REF}`);
  const into = mkdtempSync(join(root, ASKING));
  try {
    await bring(into, url, refs, limits);
    const listed = within(await listRefFiles({ kind: "ref", repository: into }), url, limits);
    const known = new Set(isHere ? await idsIn(before) : []);
    const ids = new Set(listed.map(({ id }) => id));
    const fresh = [...ids].filter((id) => !known.has(id)).length;
    if (!(await isWhole(into, tips))) throw new RemoteError(`${url} sent statements that cannot be read`);
    openToReaders(into);
    return { directory: basename(into), tips, statements: ids.size, fresh };
  } catch (error) {
    rmSync(into, { recursive: true, force: true });
    throw error;
  }
}

/** Whether each reference and each statement is still there, and this user may read them. */
async function isWhole(repository: string, tips: readonly string[]): Promise<boolean> {
  try {
    openToReaders(repository);
  } catch {
    // Gone, or another user's: reading says so.
  }
  const { broken } = await readStatements([{ kind: "ref", repository, tips }]);
  return broken.length === 0;
}

/** By name, sorted. */
async function statementRefs(dir: string, url: string, { timeoutMs }: Limits): Promise<Map<string, string>> {
  const listed = await listRemote(dir, url, [`${STATEMENTS_REF}*`], { timeoutMs });
  const names = [...listed.keys()].filter(
    (name) => name === STATEMENTS_REF || name.startsWith(`${STATEMENTS_REF}/`),
  );
  if (names.length > LIMITS.refs)
    throw new RemoteError(`${url} has more than ${LIMITS.refs} references with statements`);
  return new Map(names.sort().map((name) => [name, listed.get(name)!]));
}

async function bring(into: string, url: string, refs: ReadonlyMap<string, string>, limits: Limits) {
  const [id = ""] = refs.values();
  await initBare(into, id.length === 64 ? "sha256" : "sha1");
  const refspecs = [...refs.keys()].map((name, i) => `+${name}:${STATEMENTS_REF}/${i}`);
  await gitFetch({ into, url, refspecs, newestOnly: true, limits });
}

/** Throws `RemoteError` where a place has more than is taken of one. */
export function within(
  listed: readonly ListedStatement[],
  url: string,
  { statements, statementBytes }: EvidenceLimits,
): readonly ListedStatement[] {
  if (listed.length > statements) throw new RemoteError(`${url} has more than ${statements} statements`);
  if (listed.reduce((sum, { size }) => sum + size, 0) > statementBytes)
    throw new RemoteError(`${url} has more than ${statementBytes >> 20} MiB of statements`);
  return listed;
}

async function idsIn(repository: string): Promise<string[]> {
  return (await listRefFiles({ kind: "ref", repository })).map(({ id }) => id);
}
