/**
 * A user's checkout, as the gate needs to know it: which commit is checked out, what in it differs from that, and
 * the objects that the gate lacks. All of it is the user's word; the gate authenticates what it is sent.
 */
import { spawn } from "node:child_process";
import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { GateClient } from "../gate/client.ts";
import { RepositoryError, resolveRevision } from "../git/neutral.ts";
import { run, runOk } from "../process/run.ts";

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
  const found = await run("git", ["-C", dir, "rev-parse", "--show-toplevel"]);
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

/** The gate's source that a repository is, by whose introduction it holds; or several, or none. */
export async function sourcesOf(
  gate: GateClient,
  root: string,
): Promise<{ here: KnownSource[]; all: KnownSource[] }> {
  const { sources } = await gate.get<{ sources: KnownSource[] }>("/sources");
  const ids = sources.map(({ introduction }) => `${introduction}^{commit}\n`).join("");
  const checked = await runOk("git", ["-C", root, "cat-file", "--batch-check"], { input: ids });
  const lines = checked.toString().split("\n");
  return { here: sources.filter((_, i) => / commit /.test(lines[i] ?? "")), all: sources };
}

/** Sends what the commit needs and the gate has not, co-signatures included. */
export async function sendObjects(
  gate: GateClient,
  source: KnownSource,
  root: string,
  commit: string,
): Promise<void> {
  if (source.kept.includes(commit)) return;
  const notes = await run("git", ["-C", root, "rev-parse", "--verify", "--quiet", "refs/notes/signatures"]);
  const notesTip = notes.code === 0 ? notes.stdout.toString().trim() : undefined;
  const have = await presentOf(root, source.kept);
  const child = spawn(
    "git",
    ["-C", root, "pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "--quiet"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  child.stdin.end([commit, ...(notesTip ? [notesTip] : []), ...have.map((id) => `^${id}`), ""].join("\n"));
  await gate.send(
    "/objects",
    { source: source.name, ...(notesTip ? { notes: notesTip } : {}) },
    child.stdout,
  );
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
