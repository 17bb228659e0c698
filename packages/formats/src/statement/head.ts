/**
 * `urn:firstmile:head:1`: at that time this commit was the newest of a source or of the trust repository. Against a
 * server that serves old commits for new ones. The time is the signer's word; how old it may be the policy says.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import type { CommitId } from "../git/object-id.ts";
import { checkSourceName, commitSubject, readCommitSubject, type StatementBody } from "./subject.ts";
import { readTime, timeText } from "./time.ts";

export interface HeadStatement {
  readonly kind: "head";
  readonly commit: CommitId;
  /** Unix seconds. */
  readonly at: number;
  /** Name of the source; null: the trust repository itself. */
  readonly source: string | null;
}

export function readHead(statement: JsonMembers): HeadStatement {
  const commit = readCommitSubject(statement);
  const predicate = statement.object("predicate");
  const at = readTime(predicate, "at");
  const source = predicate.nullableString("source");
  if (source !== null) checkSourceName(predicate, "source", source);
  predicate.end();
  return { kind: "head", commit, at, source };
}

export function headBody({ commit, at, source }: HeadStatement): StatementBody {
  return { subject: [commitSubject(commit)], predicate: { at: timeText(at), source } };
}
