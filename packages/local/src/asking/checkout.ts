/**
 * A user's checkout, as the gate needs to know it: which commit is checked out, what in it differs from that, and
 * the objects that the gate lacks. All of it is the user's word; the gate authenticates what it is sent.
 */
import { spawn } from "node:child_process";
import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { GateClient } from "../gate/client.ts";
import { gitIn } from "../git/in-directory.ts";
import { RepositoryError, resolveRevision } from "../git/neutral.ts";
import { runOk } from "../process/run.ts";
import { LIMITS, STATEMENTS_REF } from "../statements/place.ts";

export interface Checkout {
  readonly root: string;
  /** The root's own directory name. */
  readonly directoryName: string;
  /** Path of what was named, relative to the root; "" for the root itself. */
  readonly inside: string;
  readonly commit: string;
  /** Files that differ from the commit, with Git's two letters. */
  readonly dirty: readonly string[];
}

/** The checkout that a file or directory is in. Throws `RepositoryError` outside of any. */
export async function checkoutOf(path: string): Promise<Checkout> {
  const real = realPath(path);
  const dir = statSync(real).isDirectory() ? real : dirname(real);
  const found = await gitIn(dir, ["rev-parse", "--show-toplevel"]);
  if (found.code !== 0)
    throw new RepositoryError(`${path} is in no Git checkout, so nothing says who wrote it`);
  const root = found.stdout.toString().trimEnd();
  return {
    root,
    directoryName: basename(root),
    inside: relative(root, real),
    commit: await resolveRevision(root, "HEAD"),
    dirty: await dirtyFiles(root),
  };
}

async function dirtyFiles(root: string): Promise<string[]> {
  const flags = ["--porcelain", "-z", "--untracked-files=normal", "--no-renames"];
  const status = await runOk("git", ["-C", root, "status", ...flags]);
  const lines = status.toString("utf8").split("\0").filter(Boolean);
  return lines.filter((line) => !(line.startsWith("?? ") && isOutLink(join(root, line.slice(3)))));
}

/** `result`, as nix-build leaves it: nothing that was evaluated reads it, and the next build should not stumble on it. */
function isOutLink(path: string): boolean {
  const link = lstatSync(path, { throwIfNoEntry: false });
  return link?.isSymbolicLink() === true && /^\/.+\/[0-9a-df-np-sv-z]{32}-[^/]+$/.test(readlinkSync(path));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new RepositoryError(`${path} is not there`);
  }
}

export interface KnownSource {
  readonly name: string;
  readonly introduction: string;
  readonly kept: readonly string[];
}

export interface KnownSources {
  /** Those whose introduction the checkout holds. */
  readonly here: readonly KnownSource[];
  readonly all: readonly KnownSource[];
  /** Trees of statements that the gate has looked through. */
  readonly statements: readonly string[];
}

/** What the gate tells of its sources; with a refusal it has no rules to decide by, and so no sources. */
interface SourcesAnswer {
  readonly sources: readonly KnownSource[];
  readonly statements: readonly string[];
  readonly refusal?: Reason;
}

/** The gate's sources, and which of them a repository is, by whose introduction it holds; or why it has no rules. */
export async function sourcesOf(gate: GateClient, root: string): Promise<KnownSources | Reason> {
  const { sources, statements, refusal } = await gate.get<SourcesAnswer>("/sources");
  if (refusal) return refusal;
  const ids = sources.map(({ introduction }) => `${introduction}^{commit}\n`).join("");
  const checked = await runOk("git", ["-C", root, "cat-file", "--batch-check"], { input: ids });
  const lines = checked.toString().split("\n");
  return { here: sources.filter((_, i) => / commit /.test(lines[i] ?? "")), all: sources, statements };
}

export interface Sending {
  readonly source: KnownSource;
  readonly root: string;
  readonly commit: string;
  /** Trees of statements that need not be sent. */
  readonly statements: readonly string[];
}

/** Sends what the commit needs and the gate has not, with the evidence beside it; gives what could not be taken. */
export async function sendObjects(
  gate: GateClient,
  { source, root, commit, statements }: Sending,
): Promise<readonly string[]> {
  const trees = (await statementTrees(root)).filter((tree) => !statements.includes(tree));
  const isKept = source.kept.includes(commit);
  if (isKept && trees.length === 0) return [];
  const notes = isKept ? undefined : await tipOf(root, "refs/notes/signatures");
  const have = await presentOf(root, source.kept);
  const child = spawn(
    "git",
    ["-C", root, "pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "--quiet"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const wanted = [...(isKept ? [] : [commit]), ...(notes ? [notes] : []), ...trees];
  child.stdin.end([...wanted, ...have.map((id) => `^${id}`), ""].join("\n"));
  const query = new URLSearchParams({ source: source.name, ...(notes ? { notes } : {}) });
  for (const tree of trees) query.append("statements", tree);
  const { problems } = await gate.send<{ problems: string[] }>("/objects", query, child.stdout);
  return problems;
}

async function tipOf(root: string, revision: string): Promise<string | undefined> {
  const found = await gitIn(root, ["rev-parse", "--verify", "--quiet", revision]);
  return found.code === 0 ? found.stdout.toString().trim() : undefined;
}

/** Of the references with statements, those made here and those that somebody fetched. */
async function statementTrees(root: string): Promise<string[]> {
  const format = "--format=%(tree)";
  const args = ["-C", root, "for-each-ref", format, `--count=${LIMITS.refs}`, STATEMENTS_REF];
  const trees = (await runOk("git", args)).toString().split("\n").filter(Boolean);
  return [...new Set(trees)];
}

/** A commit that the gate keeps and this checkout has not cannot be left out by name. */
async function presentOf(root: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const checked = await runOk("git", ["-C", root, "cat-file", "--batch-check"], {
    input: ids.map((id) => `${id}\n`).join(""),
  });
  const lines = checked.toString().split("\n");
  return ids.filter((_, i) => / commit /.test(lines[i] ?? ""));
}
