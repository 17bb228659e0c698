/**
 * Claim: no commit is authentic whose tree holds a content that wardens speak against, whoever signed it. Against: a
 * release that its own author signed and that is bad. For sources that are judged by their commits; of others, what is
 * read is looked at (`@firstmile/trust/slice/cover`).
 *
 * Contents are found by Git's ids, and then told by their SHA-256. Where one is spoken against without its id in this
 * repository's format, every file is hashed. A tree that is not all there cannot be said to be free of them.
 */
import { createHash } from "node:crypto";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DeniedCommit } from "@firstmile/trust/history/judge";
import { type Distrust, objectionText } from "@firstmile/trust/slice/distrust";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { treeOf } from "../admission/tree-of.ts";
import { blobOf, GitTree, GitTreeError } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { GitObjects, GitReadError } from "../git/objects.ts";

const UNREADABLE = [GitTreeError, RepositoryError, GitReadError];

/** What in the tree of `commit` is distrusted; nothing is read where no content is. */
export async function distrustedFiles(
  git: NeutralGit,
  commit: CommitId,
  distrust: Distrust,
): Promise<DeniedCommit[]> {
  if (distrust.contents().next().done) return [];
  try {
    return await search(git, commit, distrust);
  } catch (error) {
    if (error instanceof Error && UNREADABLE.some((kind) => error instanceof kind))
      return [unread(commit, error)];
    throw error;
  }
}

async function search(git: NeutralGit, commit: CommitId, distrust: Distrust): Promise<DeniedCommit[]> {
  using objects = new GitObjects(git.env);
  const tree = await GitTree.read(objects, await treeOf(objects, commit));
  const byId = distrust.isFoundById(commit.length);
  const leaves = [...tree.leaves()].filter(
    ({ step }) => step.kind !== "submodule" && (!byId || distrust.ids.has(step.id)),
  );
  const found: DeniedCommit[] = [];
  for await (const { item, content } of inOrder(objects, leaves, ({ step }) => blobOf(step))) {
    const sha256 = createHash("sha256").update(content).digest("hex");
    const objection = distrust.ofContent(sha256, item.path);
    if (objection) found.push(against(commit, item.path, objection));
  }
  return found;
}

function against(
  commit: CommitId,
  path: string,
  objection: NonNullable<ReturnType<Distrust["ofContent"]>>,
): DeniedCommit {
  return {
    commit,
    code: "distrusted",
    message: `${visiblePath(path)}: ${objectionText(objection)}`,
    paths: [path],
    remedy: "use a version without a distrust against it",
  };
}

function unread(commit: CommitId, error: Error): DeniedCommit {
  return {
    commit,
    code: "missing-object",
    message: `may hold a content that is distrusted, and cannot be looked through: ${error.message}`,
    remedy: "ask in a repository that has all its files: git fetch --refetch --no-filter",
  };
}
