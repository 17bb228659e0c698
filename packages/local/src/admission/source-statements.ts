/**
 * Brings the statements that one mirror of a source carries into the gate's copy of it.
 *
 * Claims: they come into a repository of their own first, within limits; what they lack of what was held is kept before
 * they take its place; and where that cannot be, or they cannot be read, what was held stays. A damaged copy is mended
 * by what comes, though the mirror has nothing new. Against: a mirror that rewinds or floods its statements, or serves
 * them in part. Leaves out what they say.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gitFetch, listRemote, RemoteError } from "../git/fetch.ts";
import { initBare, type ObjectFormat, quietGitEnv } from "../git/neutral.ts";
import { TRUST_LIMITS } from "../mirrors/ask-places.ts";
import { runOk } from "../process/run.ts";
import { openToReaders } from "../state/readable.ts";
import { LIMITS, STATEMENTS_REF } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { listRefFiles, listRefs } from "../statements/tree.ts";
import { EVIDENCE_LIMITS, within } from "../trust-repository/evidence-fetch.ts";
import type { Replaced } from "../trust-repository/keep-words.ts";

/** Where they come from, and where they go to. */
export interface SourceMirror {
  /** The gate's copy. */
  readonly repository: string;
  readonly format: ObjectFormat;
  readonly url: string;
  /** Its place among the source's URLs: one mirror's evidence must not take the place of another's. */
  readonly place: number;
}

/** Keeps what `after` lacks and gives a sentence for each; throws where it cannot. */
export type Keep = (replaced: Replaced) => Promise<readonly string[]>;

interface Ref {
  readonly name: string;
  readonly tip: string;
}

/** What the mirror dropped, a sentence each. Throws `RepositoryError`, `ProcessError` where nothing is taken. */
export async function bringStatements(mirror: SourceMirror, keep: Keep): Promise<readonly string[]> {
  const { repository, format, url } = mirror;
  const listed = await listedBy(mirror);
  if (listed.length === 0) return [];
  const held = await listRefs(repository, below(mirror));
  if (await isHeld(mirror, listed, held)) return [];
  const asked = mkdtempSync(join(repository, "asked-"));
  try {
    await initBare(asked, format);
    const refspecs = listed.map(({ name }) => `+${name}:${name}`);
    await gitFetch({ into: asked, url, refspecs, limits: TRUST_LIMITS });
    within(await listRefFiles({ kind: "ref", repository: asked }), url, EVIDENCE_LIMITS);
    const { broken } = await readStatements([{ kind: "ref", repository: asked }]);
    if (broken.length > 0) throw new RemoteError(`${url} sent statements that cannot be read`);
    const before = [{ kind: "ref" as const, repository, ref: below(mirror) }];
    const replaced: Replaced = { before, after: [{ kind: "ref", repository: asked }], from: url };
    const lost = held.length === 0 ? [] : await keep(replaced);
    await take(mirror, asked, held);
    return lost;
  } finally {
    rmSync(asked, { recursive: true, force: true });
  }
}

/** Whether anything of this mirror is held. */
export async function holdsStatements(mirror: SourceMirror): Promise<boolean> {
  return (await listRefs(mirror.repository, below(mirror))).length > 0;
}

async function listedBy({ repository, url }: SourceMirror): Promise<Ref[]> {
  const listed = await listRemote(repository, url, [`${STATEMENTS_REF}*`], {
    timeoutMs: TRUST_LIMITS.timeoutMs,
  });
  const refs = [...listed].map(([name, tip]) => ({ name, tip }));
  const named = refs.filter(({ name }) => name === STATEMENTS_REF || name.startsWith(`${STATEMENTS_REF}/`));
  if (named.length > LIMITS.refs)
    throw new RemoteError(`${url} has more than ${LIMITS.refs} references with statements`);
  return named;
}

/** Whether this very state is here, whole. */
async function isHeld(mirror: SourceMirror, listed: readonly Ref[], held: readonly Ref[]): Promise<boolean> {
  const tips = new Map(held.map(({ name, tip }) => [name, tip]));
  if (!listed.every(({ name, tip }) => tips.get(here(mirror, name)) === tip)) return false;
  const { broken } = await readStatements([
    { kind: "ref", repository: mirror.repository, ref: below(mirror) },
  ]);
  return broken.length === 0;
}

/** Objects first, also over damaged ones: they are named by their content. */
async function take(mirror: SourceMirror, asked: string, held: readonly Ref[]): Promise<void> {
  const { repository } = mirror;
  openToReaders(join(asked, "objects"));
  cpSync(join(asked, "objects"), join(repository, "objects"), { recursive: true, force: true });
  const brought = await listRefs(asked, STATEMENTS_REF);
  const names = brought.map(({ name }) => here(mirror, name));
  // All that was held is kept or carried by now. What the mirror no longer names would only be in the way.
  for (const { name } of held) if (!names.includes(name)) await point(repository, ["-d", name]);
  for (const { name, tip } of brought) await point(repository, [here(mirror, name), tip]);
}

async function point(repository: string, args: readonly string[]): Promise<void> {
  await runOk("git", ["-C", repository, "update-ref", ...args], { env: quietGitEnv() });
}

function below({ place }: SourceMirror): string {
  return `${STATEMENTS_REF}/mirror-${place}`;
}

/** `refs/firstmile/statements/x` as `refs/firstmile/statements/mirror-0/statements/x`. */
function here(mirror: SourceMirror, name: string): string {
  return `${below(mirror)}/statements${name.slice(STATEMENTS_REF.length)}`;
}
