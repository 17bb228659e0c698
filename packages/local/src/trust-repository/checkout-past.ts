/**
 * The former states of rules in a directory that a user names. Where it is a checkout, they are in its history,
 * which is as little authenticated as the directory itself.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { neutralGit, ownRepositoriesEnv, RepositoryError } from "../git/neutral.ts";
import { run } from "../process/run.ts";
import { type FormerRules, formerRules, headRules } from "./past.ts";

/** Newest first, the checked-out commit's own among them. Throws `RepositoryError` where the history is not whole. */
export async function formerRulesOf(directory: string): Promise<readonly FormerRules[]> {
  if (!existsSync(join(directory, ".git"))) return [];
  const args = ["-C", directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
  const found = await run("git", args, { env: ownRepositoriesEnv() });
  // Nothing was committed yet.
  if (found.code === 1) return [];
  if (found.code !== 0)
    throw new RepositoryError(`the history of ${directory} cannot be read: ${found.stderr.trim()}`);
  if (existsSync(join(directory, ".git", "shallow")))
    throw new RepositoryError(
      `the history of ${directory} is cut off, and people who were listened to may be in the rest: git fetch --unshallow`,
    );
  const tip = found.stdout.toString().trim() as CommitId;
  const git = await neutralGit(directory);
  try {
    const line = { git, tip, introduction: undefined };
    return [...(await headRules(line)), ...(await formerRules(line))];
  } finally {
    git.dispose();
  }
}
