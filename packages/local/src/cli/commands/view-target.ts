/** Which tree a person wants to look at, and what the rules say of its commit. */
import { basename, resolve } from "node:path";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { historyReason } from "@firstmile/trust/history/reason";
import type { Source } from "@firstmile/trust/policy/policy";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { treeOf } from "../../admission/tree-of.ts";
import { authenticateHistory } from "../../evidence/history.ts";
import { chooseSource, SourceError } from "../../evidence/sources.ts";
import { neutralGit, resolveRevision } from "../../git/neutral.ts";
import { GitObjects } from "../../git/objects.ts";
import { fetchSource } from "../../mirrors/source-cache.ts";
import { type GatheredCase, gatherCase } from "../../slicing/gather.ts";
import type { FirstmileContext } from "../context.ts";
import { type Rules, rulesIfAny } from "../rules.ts";
import { type Target, targetOf } from "./verify-target.ts";

export interface ViewTarget extends Found {
  readonly tree: ObjectId;
  /** Undefined where no rules speak of it. */
  readonly judged: JudgedTarget | undefined;
}

export interface JudgedTarget {
  readonly source: Source;
  /** Whether the commit is one of the source's. */
  readonly origin: Reason;
  /** What covers single files, where the source is judged by them. */
  readonly gathered: GatheredCase | undefined;
}

interface Found {
  readonly repository: string;
  readonly commit: CommitId;
  /** What the directory that shows it is called. */
  readonly name: string;
  readonly source: Source | undefined;
  /** Why no rules speak of it, where that is so. */
  readonly unjudged: string;
}

/** Throws `RepositoryError`, `RemoteError`, and `Failure` where there are rules that cannot be used. */
export async function viewTarget(
  context: FirstmileContext,
  policy: string | undefined,
  named: string,
  revision: string,
): Promise<ViewTarget> {
  const rules = await rulesIfAny(context, policy);
  const found = await find(context, rules, named, revision);
  const judged = rules && found.source ? await judge(context, rules, found, found.source) : undefined;
  return { ...found, judged, tree: await rootOf(found) };
}

function find(
  context: FirstmileContext,
  rules: Rules | undefined,
  named: string,
  revision: string,
): Promise<Found> {
  if (!rules) return here(undefined, { path: resolve(context.cwd, named), revision });
  const target = targetOf(context.cwd, rules.policy, named, revision);
  return target.kind === "path" ? here(rules, target) : remote(context, rules, target);
}

interface Here {
  readonly path: string;
  readonly revision: string;
}

async function here(rules: Rules | undefined, { path, revision }: Here): Promise<Found> {
  const commit = (await resolveRevision(path, revision)) as CommitId;
  const found = { repository: path, commit, name: basename(path).replace(/\.git$/, "") || "source" };
  if (!rules) return { ...found, source: undefined, unjudged: "this machine follows no trust repository" };
  try {
    return { ...found, source: await chooseSource(rules.policy, path), unjudged: "" };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { ...found, source: undefined, unjudged: error.message };
  }
}

/** With all its files, even where its rules can do without. */
async function remote(
  { stateDir, terminal }: FirstmileContext,
  { policy }: Rules,
  { urls, revision, source: named }: Target & { readonly kind: "remote" },
): Promise<Found> {
  terminal.progress(`fetching from ${urls.join(", ")}`);
  const format = named?.introduction.commit.length === 64 ? "sha256" : "sha1";
  const { repository, heads } = await fetchSource({ stateDir, urls, format, onlyCommits: false, revision });
  const source = named ?? (await chooseSource(policy, repository));
  return { repository, commit: heads[0]!.head, name: source.name, source, unjudged: "" };
}

async function judge(
  { stateDir, now, terminal }: FirstmileContext,
  { policy, statements }: Rules,
  { repository, commit }: Found,
  source: Source,
): Promise<JudgedTarget> {
  terminal.progress(`reading what speaks for ${source.name}`);
  if (source.authenticate === "slice") {
    const gathered = await gatherCase({ repository, policy, source, commit, statements, now });
    return { source, origin: gathered.origin, gathered };
  }
  const question = { repository, tip: commit, policy, statements, source, now, cacheDir: stateDir };
  return { source, origin: historyReason(await authenticateHistory(question)), gathered: undefined };
}

async function rootOf({ repository, commit }: Found): Promise<ObjectId> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    return await treeOf(objects, commit);
  } finally {
    git.dispose();
  }
}
