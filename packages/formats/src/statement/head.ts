/**
 * `urn:firstmile:head:1`: at that time this commit was the newest of a source or of the trust repository. Against a
 * server that serves old commits for new ones. The time is the signer's word; how old it may be the policy says.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import type { CommitId } from "../git/object-id.ts";
import { checkSourceName, commitSubject, readCommitSubject, type StatementBody } from "./subject.ts";

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
  const at = readTime(predicate);
  const source = predicate.nullableString("source");
  if (source !== null) checkSourceName(predicate, "source", source);
  predicate.end();
  return { kind: "head", commit, at, source };
}

export function headBody({ commit, at, source }: HeadStatement): StatementBody {
  return { subject: [commitSubject(commit)], predicate: { at: timeText(at), source } };
}

/** RFC 3339 in UTC, whole seconds: `2025-06-01T00:00:00Z`. */
function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function readTime(predicate: JsonMembers): number {
  const text = predicate.string("at");
  const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  // Date.parse takes 24:00:00 as well, and the 31st of a shorter month for the 1st of the next.
  const exact = seconds >= 0 && timeText(seconds) === text;
  return exact ? seconds : predicate.fail("at", "is no time in whole seconds of UTC");
}
