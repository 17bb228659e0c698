/**
 * What one commit object says and who signed it. Evidence only: whether that person may is decided elsewhere.
 * The object is re-hashed first, so a database that answers with other bytes than the id names is found out.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import type { SignatureOutcome } from "../signature/outcome.ts";
import { type KeyRing, verifySignature } from "../signature/verify.ts";

export interface CommitFacts {
  readonly id: CommitId;
  readonly tree: ObjectId;
  readonly parents: readonly CommitId[];
  readonly signature: SignatureOutcome;
}

/** Bytes that are not the commit they were given for. */
export interface CorruptCommit {
  readonly id: CommitId;
  readonly corrupt: string;
}

/** Reads and checks one commit. `keys` undefined: only what it says, with its signature left unlooked at. */
export function commitFacts(
  id: CommitId,
  content: Uint8Array,
  keys: KeyRing | undefined,
  now: number,
): CommitFacts | CorruptCommit {
  if (hashObject("commit", content, id.length === 64 ? "sha256" : "sha1") !== id) {
    return { id, corrupt: "its content does not hash to its id" };
  }
  try {
    const commit = parseCommit(content);
    const signature = keys ? signatureOf(commit, keys, now) : NOT_LOOKED_AT;
    return { id, tree: commit.tree, parents: commit.parents, signature };
  } catch (error) {
    if (error instanceof FormatError) return { id, corrupt: error.message };
    throw error;
  }
}

function signatureOf(commit: ReturnType<typeof parseCommit>, keys: KeyRing, now: number): SignatureOutcome {
  if (commit.signatures > 1) {
    return { valid: false, code: "several-signatures", message: "carries more than one signature header" };
  }
  if (commit.gpgsig === undefined) return UNSIGNED;
  return verifySignature(commit.gpgsig, commit.signedPayload(), keys, now);
}

const UNSIGNED: SignatureOutcome = { valid: false, code: "unsigned", message: "has no signature" };
const NOT_LOOKED_AT: SignatureOutcome = {
  valid: false,
  code: "unsigned",
  message: "its signature was not looked at",
};
