/**
 * Asks every place that serves a trust repository, all at once. Claim: each answers within limits of its own or is
 * told as silent, and nothing that one sends takes room, time or references from another. Against: a mirror that
 * never ends, that sends a pack of any size, or that serves empty co-signatures so as to hide those of the others.
 * Left out: what the answers are worth.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { SilentPlace } from "@firstmile/trust/freshness/served-heads";
import { gitFetch, listRemote, RemoteError } from "../git/fetch.ts";
import type { Limits } from "../git/limited-git.ts";
import { initBare, type ObjectFormat, RepositoryError, resolveRevision } from "../git/neutral.ts";
import { ProcessError } from "../process/run.ts";
import { STATEMENTS_REF as STATEMENTS } from "../statements/place.ts";

/** Rules and keys are small. Ten mirrors answer at once, so a slow one costs its own time alone. */
export const TRUST_LIMITS: Limits = { timeoutMs: 120_000, maxBytes: 256 * 2 ** 20 };
/** Most places asked. */
const MAX_PLACES = 16;

export interface Asking {
  /** Bare repository that the answers come into. */
  readonly into: string;
  readonly format: ObjectFormat;
  readonly urls: readonly string[];
  /** Undefined: the branch that each place calls its own. */
  readonly branch: string | undefined;
  readonly limits?: Partial<Limits>;
}

export interface Answers {
  readonly heads: readonly { readonly url: string; readonly head: CommitId }[];
  readonly silent: readonly SilentPlace[];
}

/** Evidence that travels beside the branch: co-signatures as notes, and statements. */
export const NOTES = ["refs/notes/signatures", "refs/signatures"] as const;
/** Of one place; readers look at no more than 32 in all. */
const MAX_STATEMENT_REFS = 2;

/** Brings heads, co-signatures and statements of all places here. Throws `RemoteError` where none answers. */
export async function askPlaces(asking: Asking): Promise<Answers> {
  const urls = [...new Set(asking.urls)].slice(0, MAX_PLACES);
  const tries = await Promise.all(urls.map((url) => tryPlace(asking, url)));
  const silent = tries.filter((answer) => "problem" in answer);
  if (silent.length === urls.length) throw new RemoteError(silent.map(({ problem }) => problem).join("; "));
  const heads: { url: string; head: CommitId }[] = [];
  for (const answer of tries) {
    if ("problem" in answer) continue;
    heads.push({ url: answer.url, head: await takeIn(asking.into, answer) });
  }
  return { heads, silent };
}

interface Quarantined {
  readonly url: string;
  readonly dir: string;
  /** References in the quarantine, and what they become. */
  readonly refspecs: readonly string[];
  readonly head: string;
}

async function tryPlace(asking: Asking, url: string): Promise<Quarantined | SilentPlace> {
  const dir = quarantineIn(asking.into);
  try {
    return await fetchInto(dir, asking, url);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    if (!(error instanceof RepositoryError || error instanceof ProcessError)) throw error;
    return { url, problem: error.message };
  }
}

/** A repository of its own for what a place sends, which may lean on objects that are here already. */
function quarantineIn(into: string): string {
  mkdirSync(join(into, "asked"), { recursive: true });
  return mkdtempSync(join(into, "asked", "place-"));
}

async function fetchInto(dir: string, asking: Asking, url: string): Promise<Quarantined> {
  const { branch, limits: given } = asking;
  const limits = { ...TRUST_LIMITS, ...given };
  await initBare(dir, asking.format);
  mkdirSync(join(dir, "objects", "info"), { recursive: true });
  appendFileSync(join(dir, "objects", "info", "alternates"), `${join(asking.into, "objects")}\n`);
  const tip = branch === undefined ? "HEAD" : `refs/heads/${branch}`;
  const listed = await listRemote(dir, url, [tip, ...NOTES, `${STATEMENTS}*`], limits);
  if (!listed.has(tip)) throw new RemoteError(`${url} cannot be fetched: it has no ${branch ?? "commits"}`);
  const names = namesHere(url, tip, [...listed.keys()]);
  await gitFetch({
    into: dir,
    url,
    limits,
    refspecs: [...names].map(([there, here]) => `+${there}:${here}`),
  });
  const refspecs = [...names.values()].map((name) => `+${name}:${name}`);
  return { url, dir, refspecs, head: names.get(tip)! };
}

/** Where each reference of a place is kept: under the place's own name, so that no other writes over it. */
function namesHere(url: string, tip: string, listed: readonly string[]): Map<string, string> {
  const key = placeKey(url);
  const statements = listed.filter((name) => name === STATEMENTS || name.startsWith(`${STATEMENTS}/`)).sort();
  return new Map([
    [tip, `refs/firstmile/places/${key}`],
    ...NOTES.flatMap((name, i): [string, string][] =>
      listed.includes(name) ? [[name, `refs/firstmile/notes/${key}/${i}`]] : [],
    ),
    ...statements
      .slice(0, MAX_STATEMENT_REFS)
      .map((name, i): [string, string] => [name, `${STATEMENTS}/${key}/${i}`]),
  ]);
}

async function takeIn(into: string, { dir, refspecs, head }: Quarantined): Promise<CommitId> {
  try {
    await gitFetch({ into, url: dir, refspecs });
    return (await resolveRevision(into, head)) as CommitId;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A name for a URL that a reference or a directory may have. */
export function placeKey(url: string): string {
  return createHash("sha256").update(url).digest("hex").slice(0, 16);
}
