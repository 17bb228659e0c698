/** Subjects: what a statement is about, by digest and never by name alone. */
import type { JsonMembers } from "../dsse/json-members.ts";
import { type CommitId, type ObjectId, parseCommitId, parseObjectId } from "../git/object-id.ts";
import type { JsonValue } from "../nix/json.ts";

/** What a predicate type puts into a statement. */
export interface StatementBody {
  readonly subject: readonly JsonValue[];
  readonly predicate: JsonValue;
}

export function commitSubject(commit: CommitId): JsonValue {
  return { digest: { gitCommit: commit } };
}

/** The one subject of a statement about a commit. A second one would be signed by whoever reads only the first. */
export function readCommitSubject(statement: JsonMembers): CommitId {
  const [subject] = statement.objects("subject", 1);
  if (subject === undefined) statement.fail("subject", "is not one commit");
  const digest = subject.object("digest");
  const commit = readId(digest, "gitCommit");
  digest.end();
  subject.end();
  return parseCommitId(commit);
}

/** A member that holds the id of a Git object, whole. */
export function readId(members: JsonMembers, key: string): ObjectId {
  const text = members.string(key);
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) {
    members.fail(key, "is not 40 or 64 lower-case hexadecimal digits");
  }
  return parseObjectId(text);
}

/** The name of a source, as policies give it. */
export function checkSourceName(members: JsonMembers, key: string, name: string): string {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) ? name : members.fail(key, "is no name of a source");
}
