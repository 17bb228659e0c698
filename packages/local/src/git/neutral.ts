/**
 * Git as an object store only. A repository under test is somebody else's: its configuration can name programs to
 * run, its replace refs, grafts and commit-graph can misstate history. So commands that read objects run in a Git
 * directory of our own, which borrows nothing but the other's object database (and each object is re-hashed by
 * whoever rests a verdict on it).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, runOk } from "../process/run.ts";
import { RepositoryError } from "./repository-error.ts";
import { refuseSpecialFiles } from "./special-files.ts";

export { RepositoryError } from "./repository-error.ts";

/** Which hash a repository names its objects by. */
export type ObjectFormat = "sha1" | "sha256";

/** A Git directory without configuration, over the objects of another. `dispose` removes it. */
export interface NeutralGit {
  readonly env: NodeJS.ProcessEnv;
  readonly format: ObjectFormat;
  readonly objects: string;
  dispose(): void;
}

/** The variables that keep a Git child away from system, user and repository configuration, prompts and hooks. */
export function quietGitEnv(): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    // A partial clone's configuration names the program that fetches what is missing. Where Git is too old to
    // know GIT_NO_LAZY_FETCH, no protocol is allowed to it.
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_GRAFT_FILE: "/dev/null",
  };
}

export async function neutralGit(repository: string): Promise<NeutralGit> {
  const { objects, format } = await locate(repository);
  const dir = mkdtempSync(join(tmpdir(), "firstmile-git-"));
  await mkdir(join(dir, "refs"));
  await mkdir(join(dir, "objects"));
  writeFileSync(join(dir, "HEAD"), "ref: refs/heads/none\n");
  writeFileSync(join(dir, "config"), neutralConfig(format));
  return {
    env: { ...quietGitEnv(), GIT_DIR: dir, GIT_OBJECT_DIRECTORY: objects },
    format,
    objects,
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

async function locate(repository: string): Promise<{ objects: string; format: ObjectFormat }> {
  const args = [
    "-C",
    repository,
    "rev-parse",
    "--path-format=absolute",
    "--git-path",
    "objects",
    "--show-object-format",
  ];
  refuseSpecialFiles(repository);
  const found = await run("git", args, { env: ownRepositoriesEnv() });
  if (found.code !== 0)
    throw new RepositoryError(
      `${repository} is not a Git repository that can be read: ${lastLine(found.stderr)}`,
    );
  const [objects, format] = found.stdout.toString().trimEnd().split("\n");
  if (!objects || (format !== "sha1" && format !== "sha256"))
    throw new RepositoryError(`${repository}: unknown object format`);
  return { objects, format };
}

/**
 * Reading names and objects runs nothing of a repository's, so one that belongs to another user may be read; its
 * configuration is looked at only for where its objects are and how they are named.
 */
export function ownRepositoriesEnv(): NodeJS.ProcessEnv {
  return {
    ...quietGitEnv(),
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "safe.directory",
    GIT_CONFIG_VALUE_0: "*",
  };
}

/** The id that a revision names in a repository right now. */
export async function resolveRevision(repository: string, revision: string): Promise<string> {
  refuseSpecialFiles(repository);
  const args = ["-C", repository, "rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`];
  const found = await run("git", args, { env: ownRepositoriesEnv() });
  if (found.code === 0) return found.stdout.toString().trim();
  await locate(repository);
  const malformed = await malformedCommit(repository, revision);
  if (malformed) return malformed;
  throw new RepositoryError(`${repository}: no commit is named ${JSON.stringify(revision)}`);
}

/** The id of a commit that Git has and cannot parse. The verdict on it says what is wrong. */
async function malformedCommit(repository: string, revision: string): Promise<string | undefined> {
  const ask = async (...args: string[]) => {
    const said = await run("git", ["-C", repository, ...args], { env: ownRepositoriesEnv() });
    return said.code === 0 ? said.stdout.toString().trim() : undefined;
  };
  const id = await ask("rev-parse", "--verify", "--end-of-options", revision);
  return id !== undefined && (await ask("cat-file", "-t", id)) === "commit" ? id : undefined;
}

/** Makes a bare repository of our own, into which objects are received. */
export async function initBare(dir: string, format: ObjectFormat = "sha1"): Promise<void> {
  await mkdir(dir, { recursive: true });
  await runOk("git", ["init", "--quiet", "--bare", `--object-format=${format}`, "--template=", dir], {
    env: quietGitEnv(),
  });
}

function neutralConfig(format: ObjectFormat): string {
  const version =
    format === "sha256"
      ? "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n[core]\n"
      : "\trepositoryformatversion = 0\n";
  return `[core]\n${version}\tbare = true\n\tcommitGraph = false\n\tmultiPackIndex = true\n`;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
