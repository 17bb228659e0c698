/**
 * Signatures of others over commits, from wherever they travel: notes as git-signatures writes them, signed tags, and
 * statements. Claim: each is over exactly the commit it is counted for. One that also names the content of the
 * commit's tree counts only where the tree has that content.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CommitTable } from "@firstmile/trust/history/commit-table";
import type { Cosignatures } from "@firstmile/trust/history/signers";
import { verifyCosignature } from "@firstmile/trust/signature/cosignature";
import type { SignatureOutcome } from "@firstmile/trust/signature/outcome";
import { type KeyRing, verifySignature } from "@firstmile/trust/signature/verify";
import { cosignaturesOf, type StatementCosignature } from "@firstmile/trust/statement/cosignatures";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import { GitTreeError } from "../git/git-tree.ts";
import type { NeutralGit } from "../git/neutral.ts";
import { readCosignatures } from "../git/notes.ts";
import { GitObjects } from "../git/objects.ts";
import { readSignedTags } from "../git/signed-tags.ts";
import { treeNarHash } from "../git/tree-nar-hash.ts";

export interface CosignatureQuestion {
  readonly repository: string;
  readonly git: NeutralGit;
  readonly commits: CommitTable;
  readonly keys: KeyRing;
  readonly statements: readonly VerifiedStatement[];
  readonly now: number;
  /** Told of places that could not be read whole. */
  readonly unread?: (place: string) => void;
}

/** Every co-signature of the commits of a table, checked. */
export async function gatherCosignatures(question: CosignatureQuestion): Promise<Cosignatures> {
  const found = new Map<CommitId, SignatureOutcome[]>();
  const add = (commit: CommitId, outcomes: readonly SignatureOutcome[]) => {
    if (outcomes.length > 0) found.set(commit, [...(found.get(commit) ?? []), ...outcomes]);
  };
  using objects = new GitObjects(question.git.env);
  const all = [fromNotes(question), fromTags(question, objects), fromStatements(question, objects)];
  for (const [commit, outcomes] of (await Promise.all(all)).flat()) add(commit, outcomes);
  return found;
}

type Found = readonly (readonly [CommitId, readonly SignatureOutcome[]])[];

async function fromNotes(question: CosignatureQuestion): Promise<Found> {
  const { repository, git, commits, keys, now, unread } = question;
  const notes = await readCosignatures(repository, git, (id) => commits.has(id as CommitId));
  if (!notes.isWhole) unread?.(`${repository} (co-signatures in notes)`);
  return [...notes.signatures].map(([id, signatures]) => [
    id as CommitId,
    signatures.map((signature) => verifyCosignature(signature, id, keys, now)),
  ]);
}

async function fromTags(
  { repository, commits, keys, now, unread }: CosignatureQuestion,
  objects: GitObjects,
): Promise<Found> {
  const { tags, isWhole } = await readSignedTags(repository, objects, (id) => commits.has(id as CommitId));
  if (!isWhole) unread?.(`${repository} (co-signatures in tags)`);
  return [...tags].map(([commit, signed]) => [
    commit,
    signed
      .filter(({ signatures }) => signatures === 1)
      .map((tag) => verifySignature(tag.signature!, tag.signedPayload(), keys, now)),
  ]);
}

async function fromStatements(
  { commits, statements }: CosignatureQuestion,
  objects: GitObjects,
): Promise<Found> {
  const about = [...cosignaturesOf(statements)].filter(([commit]) => commits.has(commit));
  const found: [CommitId, SignatureOutcome[]][] = [];
  for (const [commit, cosignatures] of about) {
    // A tree is hashed only for whose word may count: strangers could name every tree of a history.
    const asked = cosignatures.some(({ outcome, narHash }) => narHash && (outcome.valid || outcome.lapsed));
    const hash = asked ? await hashOfTree(commits, commit, objects) : "";
    found.push([commit, cosignatures.map((one) => bound(one, hash))]);
  }
  return found;
}

function bound({ outcome, narHash: named }: StatementCosignature, actual: string): SignatureOutcome {
  const good = outcome.valid ? outcome : outcome.lapsed;
  if (named === undefined || named === actual || !good) return outcome;
  const message = "vouches for a tree with another SHA-256 than this commit's tree has";
  return { valid: false, code: "bad-signature", message, key: good.key };
}

/** Empty where the tree cannot be read: then nothing that names its hash counts. */
async function hashOfTree(commits: CommitTable, commit: CommitId, objects: GitObjects): Promise<string> {
  try {
    const { narHash } = await treeNarHash(objects, commits.get(commit)!.tree);
    return narHash;
  } catch (error) {
    if (error instanceof GitTreeError) return "";
    throw error;
  }
}
