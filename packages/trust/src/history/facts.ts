/**
 * What one commit object says and who signed it. Evidence only: whether that person may is decided elsewhere.
 * The object is re-hashed first, so a database that answers with other bytes than the id names is found out.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Commit, parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import { type KeyRing, verifySignature } from "../signature/verify.ts";
import { whoWrote } from "./people.ts";

export interface CommitFacts {
  readonly id: CommitId;
  readonly tree: ObjectId;
  readonly parents: readonly CommitId[];
  readonly signature: SignatureOutcome;
  /** Principals behind author, committer and co-authors, where that was asked for: see people.ts. */
  readonly wrote: readonly PrincipalName[];
}

/** Bytes that are not the commit they were given for. */
export interface CorruptCommit {
  readonly id: CommitId;
  readonly corrupt: string;
}

/** A message of this length is a novel; who plants a gigabyte wants memory or time. */
export const MAX_COMMIT_BYTES = 32 * 1024 * 1024;

export function oversizedCommit(id: CommitId): CorruptCommit {
  return { id, corrupt: `it is over the limit of ${MAX_COMMIT_BYTES} bytes for a commit` };
}

/**
 * Reads and checks one commit. `keys` undefined: only what it says, with its signature left unlooked at. `byEmail`:
 * the principals to look for in what it says about who wrote it.
 */
export function commitFacts(
  id: CommitId,
  content: Uint8Array,
  keys: KeyRing | undefined,
  now: number,
  byEmail?: ReadonlyMap<string, PrincipalName>,
): CommitFacts | CorruptCommit {
  if (content.length > MAX_COMMIT_BYTES) return oversizedCommit(id);
  const hash = objectHashOf(id);
  if (hashObject("commit", content, hash) !== id) {
    return { id, corrupt: "its content does not hash to its id" };
  }
  try {
    const commit = parseCommit(content);
    // Git itself would read the first 40 digits as an id and stumble over the rest.
    if (commit.hash !== hash) return { id, corrupt: `it names its tree by ${commit.hash}` };
    const signature = keys ? signatureOf(commit, keys, now) : NOT_LOOKED_AT;
    const wrote = byEmail ? whoWrote(commit, byEmail) : NOBODY;
    return { id, tree: commit.tree, parents: commit.parents, signature, wrote };
  } catch (error) {
    if (error instanceof FormatError) return { id, corrupt: error.message };
    throw error;
  }
}

function signatureOf(commit: Commit, keys: KeyRing, now: number): SignatureOutcome {
  if (commit.signatures > 1) {
    return { valid: false, code: "several-signatures", message: "carries more than one signature header" };
  }
  if (commit.gpgsig === undefined) return UNSIGNED;
  return verifySignature(commit.gpgsig, commit.signedPayload(), keys, now);
}

const NOBODY: readonly PrincipalName[] = [];
const UNSIGNED: SignatureOutcome = { valid: false, code: "unsigned", message: "has no signature" };
const NOT_LOOKED_AT: SignatureOutcome = {
  valid: false,
  code: "unsigned",
  message: "its signature was not looked at",
};
