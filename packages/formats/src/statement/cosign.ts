/**
 * `urn:firstmile:cosign:1`: who signs stands behind this commit as if its own signature were theirs. With the NAR
 * hash of its tree the statement also binds the content by SHA-256, where Git's own id is SHA-1.
 */
import { FormatError } from "../bytes/error.ts";
import type { JsonMembers } from "../dsse/json-members.ts";
import type { CommitId } from "../git/object-id.ts";
import { type NarHash, parseNarHash, sriHash } from "../nix/hash.ts";
import { commitSubject, readCommitSubject, type StatementBody } from "./subject.ts";

export interface CosignStatement {
  readonly kind: "cosign";
  readonly commit: CommitId;
  /** NAR hash of the commit's tree; undefined where the signer did not compute it. */
  readonly narHash: NarHash | undefined;
}

export function readCosign(statement: JsonMembers): CosignStatement {
  const commit = readCommitSubject(statement);
  const predicate = statement.object("predicate");
  const tree = predicate.optionalObject("tree");
  predicate.end();
  return { kind: "cosign", commit, narHash: tree && readNarHash(tree) };
}

function readNarHash(tree: JsonMembers): NarHash {
  const text = tree.string("narHash");
  tree.end();
  try {
    return parseNarHash(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return tree.fail("narHash", "is no SHA-256 hash");
  }
}

export function cosignBody({ commit, narHash }: CosignStatement): StatementBody {
  const predicate = narHash === undefined ? {} : { tree: { narHash: sriHash(narHash) } };
  return { subject: [commitSubject(commit)], predicate };
}
