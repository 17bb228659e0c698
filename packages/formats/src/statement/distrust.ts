/**
 * `urn:firstmile:distrust:1`: who signs speaks against content, a derivation, an output or a key. It has no end: a
 * machine that has read it once keeps it, and only a withdrawal ends it (withdraw.ts).
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import { readKeys } from "./fingerprints.ts";
import { requireNote } from "./note.ts";
import type { StatementBody } from "./subject.ts";
import { readTargets, type Target, targetSubjects } from "./target.ts";

export interface DistrustStatement {
  readonly kind: "distrust";
  /** Sorted, each once. */
  readonly targets: readonly Target[];
  /** Fingerprints as Firstmile prints them, sorted, each once: nothing that these keys sign counts. */
  readonly keys: readonly string[];
  readonly because: string;
}

export function readDistrust(statement: JsonMembers): DistrustStatement {
  const targets = readTargets(statement);
  const predicate = statement.object("predicate");
  const keys = readKeys(predicate);
  if (targets.length === 0 && keys.length === 0) predicate.fail("keys", "are none, and there is no subject");
  const because = requireNote(predicate, "because");
  predicate.end();
  return { kind: "distrust", targets, keys, because };
}

export function distrustBody({ targets, keys, because }: DistrustStatement): StatementBody {
  return {
    subject: targetSubjects(targets),
    predicate: { because, ...(keys.length > 0 ? { keys: [...keys] } : {}) },
  };
}
