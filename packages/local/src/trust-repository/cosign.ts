/**
 * Co-signatures of this user over commits: as a line of the commit's note below refs/notes/signatures, or as a
 * statement, which may also name the content of the commit's tree by SHA-256, where Git's own id is a SHA-1.
 */
import { type CommitId, parseCommitId } from "@firstmile/formats/git/object-id";
import type { NarHash } from "@firstmile/formats/nix/hash";
import { COSIGN_NAMESPACE, cosignedText } from "@firstmile/trust/signature/cosignature";
import { UnreadableObject } from "../evidence/hashed-reader.ts";
import { GitTreeError } from "../git/git-tree.ts";
import { neutralGit, RepositoryError, resolveRevision } from "../git/neutral.ts";
import { treeNarHash } from "../git/tree-nar-hash.ts";
import { runOk } from "../process/run.ts";
import { type KeptStatement, signAndKeep, signing } from "../reviewing/keep.ts";
import { ReviewMaterial } from "../reviewing/read-change.ts";
import { readyKey, readyPlace } from "../reviewing/ready.ts";
import { signWith } from "../signing/user-key.ts";

/** Signs the commit that `revision` names with the user's own key, into its note. Gives the commit's id. */
export async function cosign(repository: string, revision: string): Promise<CommitId> {
  const commit = parseCommitId(await resolveRevision(repository, revision));
  const user = await readyKey(repository);
  const signature = await signing(signWith(user, cosignedText(commit), COSIGN_NAMESPACE));
  const line = signature.toString("base64");
  await runOk("git", ["-C", repository, "notes", "--ref", "signatures", "append", "-m", line, commit]);
  return commit;
}

export interface CosignedStatement extends KeptStatement {
  readonly commit: CommitId;
  /** Of the commit's tree; undefined where it was not asked for. */
  readonly narHash: NarHash | undefined;
}

export interface CosignRequest {
  readonly repository: string;
  readonly revision: string;
  /** Whether the statement names the content of the tree. */
  readonly bindTree: boolean;
  /** Unix seconds. */
  readonly now: number;
}

/** Signs a statement that stands for the commit, into refs/firstmile/statements. */
export async function cosignStatement(request: CosignRequest): Promise<CosignedStatement> {
  const { repository, revision, bindTree, now } = request;
  const commit = parseCommitId(await resolveRevision(repository, revision));
  const user = await readyKey(repository);
  const place = { kind: "ref", repository } as const;
  await readyPlace(place);
  const narHash = bindTree ? await narHashOf(repository, commit) : undefined;
  const [kept] = await signAndKeep([{ kind: "cosign", commit, narHash }], { user, place, now });
  return { ...kept!, commit, narHash };
}

async function narHashOf(repository: string, commit: CommitId): Promise<NarHash> {
  const git = await neutralGit(repository);
  try {
    using material = new ReviewMaterial(git);
    const { tree } = await material.reader.commit(commit);
    return (await treeNarHash(material.objects, tree)).narHash;
  } catch (error) {
    if (!(error instanceof GitTreeError || error instanceof UnreadableObject)) throw error;
    throw new RepositoryError(`the files of ${commit} cannot be read whole: ${error.message}`);
  } finally {
    git.dispose();
  }
}
