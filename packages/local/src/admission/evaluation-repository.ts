/**
 * A repository of one commit's history, for Nix to evaluate a flake in: a directory of our own with a branch at that
 * commit, over the object database of another. Nix sees no configuration, hook, ref or attribute file of the other's.
 *
 * It has a `.git` directory as a checkout does, although no files: 2.8 copies a bare repository's whole history first.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { neutralGit, RepositoryError } from "../git/neutral.ts";

export interface EvaluationRepository {
  /** Absolute path. */
  readonly dir: string;
  dispose(): void;
}

/** Throws `RepositoryError`. */
export async function evaluationRepository(
  repository: string,
  commit: CommitId,
): Promise<EvaluationRepository> {
  const git = await neutralGit(repository);
  git.dispose();
  if (/["\n\\]/.test(git.objects))
    throw new RepositoryError(`${repository}: its path cannot be written down for Git`);
  const dir = mkdtempSync(join(tmpdir(), "firstmile-flake-"));
  const write = (name: string, text: string) => writeFileSync(join(dir, ".git", name), text);
  for (const name of [".git", ".git/objects", ".git/objects/info", ".git/refs", ".git/refs/heads"])
    mkdirSync(join(dir, name));
  write("HEAD", "ref: refs/heads/main\n");
  write("refs/heads/main", `${commit}\n`);
  write("objects/info/alternates", `${git.objects}\n`);
  write("config", configuration(git.format));
  return { dir, dispose: () => rmSync(dir, { recursive: true, force: true }) };
}

function configuration(format: "sha1" | "sha256"): string {
  const extension = format === "sha256" ? "[extensions]\n\tobjectformat = sha256\n" : "";
  return `[core]\n\trepositoryformatversion = ${format === "sha256" ? 1 : 0}\n\tbare = false\n${extension}`;
}
