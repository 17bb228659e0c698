/**
 * What a commit brings in, as contents that can be spoken against: each file version after it that no parent has, at its
 * path. Only there, since a commit also brings in what others have for good reasons, such as an empty file.
 */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ContentTarget } from "@firstmile/formats/statement/target";
import { gitIn } from "../git/in-directory.ts";
import { inOrder } from "../git/in-order.ts";
import { neutralGit, resolveRevision } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { type BroughtContent, broughtIn, isContent } from "../slicing/brought-in.ts";
import type { NamedTarget } from "./named-target.ts";
import { SubjectError } from "./subject-error.ts";

/** Undefined: `text` names no commit of this repository. Throws `GitTreeError`, `RepositoryError`, `SubjectError`. */
export async function commitContents(
  repository: string,
  text: string,
  anywhere: boolean,
): Promise<NamedTarget | undefined> {
  const commit = await commitNamed(repository, text);
  if (commit === undefined) return undefined;
  const git = await neutralGit(repository);
  try {
    const targets = await contentsOf(git, commit);
    if (targets.length === 0)
      throw new SubjectError(
        `${commit.slice(0, 12)} brings in no content`,
        "a commit that only takes away cannot be spoken against by content; distrust the key that signed it",
      );
    const everywhere = anywhere ? targets.map((target) => ({ ...target, path: undefined })) : targets;
    const words = `the ${targets.length === 1 ? "content" : `${targets.length} contents`} that ${commit.slice(0, 12)} brings in`;
    return { targets: everywhere, words, repository };
  } finally {
    git.dispose();
  }
}

/** Outside of a repository nothing is a commit. */
async function commitNamed(repository: string, text: string): Promise<CommitId | undefined> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${text}^{commit}`];
  const found = await gitIn(repository, args);
  return found.code === 0 ? ((await resolveRevision(repository, text)) as CommitId) : undefined;
}

async function contentsOf(
  git: Awaited<ReturnType<typeof neutralGit>>,
  commit: CommitId,
): Promise<ContentTarget[]> {
  using objects = new GitObjects(git.env);
  const brought: BroughtContent[] = [];
  for await (const one of broughtIn(git, [commit])) if (isContent(one)) brought.push(one);
  const targets: ContentTarget[] = [];
  const kinds = await objects.getAll(brought.map(({ id }) => id));
  // A submodule's commit is no content of this repository.
  const files = brought.filter((_, i) => kinds[i]?.type === "blob");
  for await (const { item, content } of inOrder(objects, files, ({ id }) => ({ id, kind: "blob" }))) {
    const sha256 = createHash("sha256").update(content).digest("hex");
    targets.push({ kind: "content", sha256, id: item.id, path: item.path });
  }
  return targets;
}
