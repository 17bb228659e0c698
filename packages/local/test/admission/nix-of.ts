/** The tools of a Nix world, as Firstmile finds them from an environment; and a repository to evaluate in it. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type CommitId, type ObjectId, parseCommitId, parseObjectId } from "@firstmile/formats/git/object-id";
import {
  makeNixWorld,
  type NixVersion,
  type NixWorld,
  type NixWorldOptions,
} from "@firstmile/testing/nix-world";
import { type NixTools, nixTools } from "../../src/admission/nix-tools.ts";

const CHECKOUT = resolve(import.meta.dirname, "../../../..");
const SID_TREE = process.env.FIRSTMILE_SID_TREE ?? join(CHECKOUT, ".cache/sid");

export const VERSIONS: readonly NixVersion[] = ["host", "sid"];

export interface Place extends AsyncDisposable {
  readonly world: NixWorld;
  readonly nix: NixTools;
  /** Empty, for whatever a test writes. */
  readonly dir: string;
}

export async function makePlace(
  version: NixVersion,
  env: NodeJS.ProcessEnv = {},
  more: Pick<NixWorldOptions, "multiUser"> = {},
): Promise<Place> {
  const dir = mkdtempSync(join(tmpdir(), "adm-"));
  chmodSync(dir, 0o755);
  const world = makeNixWorld({ dir, version, ...more });
  const work = join(dir, "work");
  mkdirSync(work);
  const nix = await nixTools({ ...worldEnv(world), ...env }, version === "sid" ? SID_TREE : "");
  return { world, nix, dir: work, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Sid's programs live in a tree of their own, so they are found as scripts that enter it. */
function worldEnv(world: NixWorld): NodeJS.ProcessEnv {
  const bin = join(world.dir, "bin");
  mkdirSync(bin);
  for (const command of world.version === "sid" ? ["nix", "nix-instantiate", "nix-store"] : []) {
    const enter = `exec ${CHECKOUT}/scripts/sid-run ${SID_TREE} --bind ${world.dir}:${world.dir} -- ${command} "$@"`;
    writeFileSync(join(bin, command), `#!/bin/sh\n${enter}\n`, { mode: 0o755 });
  }
  return {
    PATH: `${bin}:${process.env.PATH}`,
    NIX_STORE_DIR: world.storeDir,
    NIX_STATE_DIR: world.stateDir,
    NIX_LOG_DIR: join(world.stateDir, "log"),
    NIX_CONF_DIR: dirname(world.confPath),
    NIX_REMOTE: "local",
  };
}

/** Writes files below `dir`; a name that ends in `*` is executable. */
export function writeFiles(dir: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name.replace(/\*$/, ""));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: name.endsWith("*") ? 0o755 : 0o644 });
  }
}

const ENV = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_DATE: "1700000000 +0000",
};

export function git(dir: string, ...args: string[]): string {
  return execFileSync("git", ["-C", dir, ...args], { env: ENV, encoding: "utf8" }).trim();
}

/** Commits everything in `dir`, made a repository where it is none yet. */
export function commitAll(dir: string, branch = "main"): { commit: CommitId; tree: ObjectId } {
  git(dir, "init", "--quiet", `--initial-branch=${branch}`);
  git(dir, "add", "--all", "--force");
  git(dir, "commit", "--quiet", "--allow-empty", "-m", "change");
  return {
    commit: parseCommitId(git(dir, "rev-parse", "HEAD")),
    tree: parseObjectId(git(dir, "rev-parse", "HEAD^{tree}")),
  };
}
