import type { CommitId } from "@firstmile/formats/git/object-id";
import { run } from "../process/run.ts";
import type { NeutralGit } from "./neutral.ts";
import { RepositoryError } from "./neutral.ts";

/**
 * Commits that `tips` reach and `without` does not, children before parents. A list of what to read, in a good
 * order: whoever reads checks by the commits themselves that nothing is missing.
 */
export async function revList(
  git: NeutralGit,
  tips: readonly CommitId[],
  without: readonly CommitId[],
  options: { firstParent?: boolean } = {},
): Promise<CommitId[]> {
  const lines = [...tips, ...without.map((id) => `^${id}`), ""].join("\n");
  const flags = options.firstParent ? ["--first-parent"] : [];
  const args = ["rev-list", "--topo-order", "--ignore-missing", ...flags, "--stdin"];
  const listed = await run("git", args, { env: git.env, input: lines, maxBytes: 1 << 30 });
  if (listed.code !== 0)
    throw new RepositoryError(`the history cannot be listed: ${listed.stderr.trim().split("\n").at(-1)}`);
  const text = listed.stdout.toString("latin1").trimEnd();
  return text === "" ? [] : (text.split("\n") as CommitId[]);
}
