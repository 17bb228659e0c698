/** Files of a commit that are bumps of what people read, each text read and hashed here. */
import { hash } from "node:crypto";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { BumpJudge } from "@firstmile/trust/handoff/bump";
import type { Source } from "@firstmile/trust/policy/policy";
import type { Approvals, Content } from "@firstmile/trust/slice/approvals";
import { type BumpCandidate, type BumpedFile, bumpCandidates } from "@firstmile/trust/slice/bumped";
import { treeOf } from "../admission/tree-of.ts";
import { GitTree } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { readContents } from "../nearest/read-contents.ts";
import { modeOf } from "./published.ts";

interface CommittedBlob {
  readonly path: string;
  readonly id: ObjectId;
  readonly mode: number;
}

export interface BumpQuestion {
  readonly source: Source;
  readonly commit: CommitId;
  readonly approvals: Approvals;
  readonly judge: BumpJudge;
}

/** By path. A content that is not in the repository is the beginning of nothing. Throws `GitTreeError`. */
export async function bumpedFiles(git: NeutralGit, question: BumpQuestion): Promise<Map<string, BumpedFile>> {
  using objects = new GitObjects(git.env);
  const tree = await GitTree.read(objects, await treeOf(objects, question.commit));
  const candidates = bumpCandidates(question.source, question.approvals, blobsOf(tree));
  const before = await contentsBefore(objects, candidates);
  const bumped = new Map<string, BumpedFile>();
  const want = ({ file }: BumpCandidate<CommittedBlob>) => ({ id: file.id, kind: "blob" as const });
  for await (const { item, content } of inOrder(objects, candidates, want)) {
    const { path, id, mode } = item.file;
    const from = item.before.flatMap((one) => {
      const old = before.get(one);
      const answer = old && question.judge.judge(old, content);
      return answer?.safe ? [{ before: one, because: answer.because }] : [];
    });
    if (from.length === 0) continue;
    bumped.set(path, { content: { mode, id, sha256: hash("sha256", content, "hex") }, from });
  }
  return bumped;
}

function* blobsOf(tree: GitTree): Generator<CommittedBlob> {
  for (const { path, step } of tree.leaves())
    if (step.kind !== "submodule") yield { path, id: step.id, mode: modeOf(step) };
}

async function contentsBefore(
  objects: GitObjects,
  candidates: readonly BumpCandidate<CommittedBlob>[],
): Promise<Map<Content, Buffer>> {
  const found = new Map<Content, Buffer>();
  const wanted = new Set(candidates.flatMap(({ before }) => before));
  await readContents(objects, [...wanted] as (Content & { id: ObjectId })[], (name, content) => {
    if (typeof content !== "string") found.set(name, content);
  });
  return found;
}
