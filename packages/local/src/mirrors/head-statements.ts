/**
 * Statements about the newest commit, from where they travel, and how fresh a commit is by them. Claim: what one
 * place fills its statements with hides none of another's. Left out: what the statements prove
 * (`trust/freshness`).
 */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type Freshness, freshnessOf, type HeadStatement } from "@firstmile/trust/freshness/judge-head";
import { statedHeads } from "@firstmile/trust/freshness/stated-heads";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { HeadRule, Policy } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { verifyStatement } from "@firstmile/trust/statement/verify";
import { type NeutralGit, ownRepositoriesEnv } from "../git/neutral.ts";
import { run } from "../process/run.ts";
import {
  envelopeName,
  type FoundStatement,
  STATEMENTS_REF,
  type StatementPlace,
  shardedPath,
} from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { writeStatement } from "../statements/write.ts";
import { ancestryAmong } from "./ancestry.ts";

/** A statement that counts for somebody, and the envelope that it came in. */
export interface FoundHead extends HeadStatement {
  readonly envelope: Uint8Array;
}

/** Most statements judged: the newest. All are by people of the policy, so strangers cannot use them up. */
const MAX_HEADS = 64;
/** Most references with statements that are looked at in one repository. */
const MAX_REFS = 64;

/** Those of all `places` about `source`, or about the trust repository where it is undefined; newest first. */
export async function findHeads(
  places: readonly StatementPlace[],
  policy: Policy,
  source: SourceName | undefined,
  now: number,
): Promise<FoundHead[]> {
  const { keys, ownerOf, lives } = identitiesOf(policy);
  const envelopes = new Map<string, FoundStatement>();
  // One place a time, each with all of the reader's limits: a flood from one leaves room for the others.
  for (const place of places)
    for (const statement of (await readStatements([place])).found) envelopes.set(statement.name, statement);
  const found = [...envelopes.values()].flatMap(({ envelope }) => {
    const verified = verifyStatement(envelope, keys, now);
    const heads = verified.ok ? statedHeads([verified], source, { ownerOf, lives }) : [];
    return heads.map((head) => ({ ...head, envelope }));
  });
  return found.sort((a, b) => b.at - a.at).slice(0, MAX_HEADS);
}

/** A repository as a place for each of its references, so that one of them takes no room from another. */
export async function separately(place: StatementPlace): Promise<StatementPlace[]> {
  return place.kind === "ref" && place.ref === undefined ? statementPlacesIn(place.repository) : [place];
}

/** Each reference with statements of a repository, as a place of its own. */
export async function statementPlacesIn(repository: string): Promise<StatementPlace[]> {
  const args = ["-C", repository, "for-each-ref", "--format=%(refname)", STATEMENTS_REF];
  const listed = await run("git", args, { env: ownRepositoriesEnv() });
  const refs = listed.stdout.toString("latin1").split("\n").filter(Boolean).slice(0, MAX_REFS);
  return refs.map((ref) => ({ kind: "ref", repository, ref }));
}

export interface FreshnessQuestion {
  readonly git: NeutralGit;
  readonly rule: HeadRule;
  readonly policy: Policy;
  readonly subject: string;
  readonly remedy: string;
  readonly commit: CommitId;
  readonly heads: readonly HeadStatement[];
  readonly now: number;
}

export async function freshnessIn({ git, heads, ...question }: FreshnessQuestion): Promise<Freshness> {
  const { commit } = question;
  const named = [...new Set(heads.map((head) => head.commit))];
  const before = await ancestryAmong(git, named, [commit]);
  const after = await ancestryAmong(git, [commit], named);
  const apart = named.filter((id) => before(id, commit) === undefined && after(commit, id) === undefined);
  const here = await existing(git, apart);
  const [upTo, from] = [await ancestryAmong(git, named, here), await ancestryAmong(git, here, named)];
  const ancestry = (ancestor: CommitId, descendant: CommitId) =>
    before(ancestor, descendant) ??
    after(ancestor, descendant) ??
    upTo(ancestor, descendant) ??
    from(ancestor, descendant);
  const isHere = (id: CommitId) => here.includes(id) || !apart.includes(id);
  return freshnessOf({ ...question, statements: heads, ancestry, isHere });
}

/** Most commits on other lines that are compared with each head. */
const MAX_APART = 8;

async function existing(git: NeutralGit, ids: readonly CommitId[]): Promise<CommitId[]> {
  const here: CommitId[] = [];
  for (const id of ids) {
    const found = await run("git", ["cat-file", "-e", `${id}^{commit}`], { env: git.env });
    if (found.code === 0 && here.length < MAX_APART) here.push(id);
  }
  return here;
}

/**
 * Keeps the statements that count, in place of those kept before: what is read whenever rules are asked for. Each is
 * written beside and renamed, and old ones go last, so that a crash leaves too many and never none.
 */
export async function keepHeads(directory: string, heads: readonly FoundHead[]): Promise<void> {
  for (const { envelope } of heads) await writeStatement({ kind: "directory", path: directory }, envelope);
  const kept = new Set(heads.map(({ envelope }) => join(...shardedPath(envelopeName(envelope)))));
  for (const file of await filesIn(directory))
    if (!kept.has(file)) await rm(join(directory, file), { force: true });
}

async function filesIn(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)));
}
