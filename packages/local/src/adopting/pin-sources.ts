/** Which pin of a tree a refusal speaks of, as a source that would let it through. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { firstRefusal, type Reason } from "@firstmile/trust/verdict/verdict";
import { treeOf } from "../admission/tree-of.ts";
import { GitTree } from "../git/git-tree.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { calledPins, lockedPins, type NamedPin } from "../pins/tree-pins.ts";
import { type NewSource, nameFrom } from "./sources.ts";

interface Pinning {
  readonly repository: string;
  readonly commit: CommitId;
  /** The file that is evaluated. */
  readonly file: string;
}

/** Undefined where the refusal is none for want of a source, or no pin of this tree is meant. Throws `GitTreeError`. */
export async function sourceWanted(
  reasons: readonly Reason[],
  pinning: Pinning,
): Promise<NewSource | undefined> {
  const refusal = firstRefusal(reasons);
  if (refusal?.code !== "unknown-source") return undefined;
  const named = (await pinsIn(pinning)).find(({ label }) => refusal.message.startsWith(`${label} `));
  if (named?.pin.kind !== "commit") return undefined;
  const { repository, rev } = named.pin;
  return { name: nameFrom(repository), url: repository, commits: [rev as CommitId], judged: "slice" };
}

async function pinsIn({ repository, commit, file }: Pinning): Promise<NamedPin[]> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const tree = await GitTree.read(objects, await treeOf(objects, commit));
    const { pins } = await lockedPins(objects, tree);
    return [...pins, ...(await calledPins(objects, tree, file))];
  } finally {
    git.dispose();
  }
}
