/**
 * `urn:firstmile:withdraw:1`: who signs takes back words against something, or as root lets those of others end.
 *
 * Claims: it names each word by the SHA-256 of its statement, or all words of a key; it says why. Leaves out who may:
 * the person who spoke, or root by its quorum (spec/statements.md).
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import { readKeys } from "./fingerprints.ts";
import { requireNote } from "./note.ts";
import type { StatementBody } from "./subject.ts";

export interface WithdrawStatement {
  readonly kind: "withdraw";
  /** SHA-256 of statements in hex, sorted, each once. */
  readonly statements: readonly string[];
  /** Fingerprints as Firstmile prints them, sorted, each once: all words against something by these keys. */
  readonly keys: readonly string[];
  readonly because: string;
}

const MAX_WORDS = 5_000;
const SHA256 = /^[0-9a-f]{64}$/;

export function readWithdraw(statement: JsonMembers): WithdrawStatement {
  const statements = statement.objects("subject", MAX_WORDS).map((subject) => {
    const digest = subject.object("digest");
    const sha256 = digest.string("sha256");
    if (!SHA256.test(sha256)) digest.fail("sha256", "is not 64 hexadecimal digits");
    digest.end();
    subject.end();
    return sha256;
  });
  if (statements.some((one, i) => i > 0 && statements[i - 1]! >= one))
    statement.fail("subject", "is not sorted, or names something twice");
  const predicate = statement.object("predicate");
  const keys = readKeys(predicate);
  if (statements.length + keys.length === 0)
    predicate.fail("keys", "must name a key where no subject is given");
  const because = requireNote(predicate, "because");
  predicate.end();
  return { kind: "withdraw", statements, keys, because };
}

export function withdrawBody({ statements, keys, because }: WithdrawStatement): StatementBody {
  return {
    subject: statements.map((sha256) => ({ digest: { sha256 } })),
    predicate: { because, ...(keys.length > 0 ? { keys: [...keys] } : {}) },
  };
}
