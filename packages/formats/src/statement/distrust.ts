/**
 * `urn:firstmile:distrust:1`: who signs speaks against content, a derivation, an output or a key. It has no
 * end: a machine that has read it once keeps it, whether or not a place still carries it.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
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

const MAX_KEYS = 100;
/** Printable ASCII: OpenPGP in hex, `SHA256:BASE64`, `nix:NAME:BASE64`, `sigstore:…`. */
const FINGERPRINT = /^[!-~][ -~]{0,510}[!-~]$/;

export function readDistrust(statement: JsonMembers): DistrustStatement {
  const targets = readTargets(statement);
  const predicate = statement.object("predicate");
  const keys = predicate.optionalStrings("keys", MAX_KEYS);
  if (targets.length === 0 && keys.length === 0) predicate.fail("keys", "are none, and there is no subject");
  if (keys.some((key) => !FINGERPRINT.test(key)))
    predicate.fail("keys", "has an item that is no fingerprint");
  if (keys.some((key, i) => i > 0 && keys[i - 1]! >= key))
    predicate.fail("keys", "are not sorted, each once");
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
