/**
 * One envelope: what it states, and what its signatures come to.
 *
 * Claims: the statement was read from the very bytes that the signatures were checked over, and each outcome counts
 * once however often the envelope repeats it. Against: a payload of another type taken for a statement, a signature
 * listed many times, one key's many signatures. Leaves out: whose keys these are, whether those people may say this,
 * and whether it is so.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex, latin1 } from "@firstmile/formats/bytes/text";
import {
  type DsseEnvelope,
  type DsseSignature,
  parseEnvelope,
  preAuthEncoding,
} from "@firstmile/formats/dsse/envelope";
import {
  parseStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
  UnknownStatementError,
} from "@firstmile/formats/statement/statement";
import { digest } from "../crypto/hash.ts";
import { isAgainst, type Spoken, spokenIn } from "../hearing/words.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { StatementCode } from "./refusal.ts";
import { type StatementKeys, verifyStatementSignature } from "./signature.ts";

export interface VerifiedStatement<Kind extends Statement = Statement> {
  readonly ok: true;
  readonly statement: Kind;
  /** SHA-256 of the payload in hex: names the statement, whoever signed it. */
  readonly digest: string;
  /** One for each signature, repetitions and further ones by the same key left out. Valid or not. */
  readonly outcomes: readonly SignatureOutcome[];
  /** Of a word against something: its good signatures, whatever became of their keys since. */
  readonly spoken?: readonly Spoken[];
}

export interface StatementRefused {
  readonly ok: false;
  readonly code: StatementCode;
  /** One sentence for a person. */
  readonly message: string;
}

/** What an envelope states, before anybody's signature was looked at: good for choosing what to verify, not more. */
export interface OpenedStatement {
  readonly ok: true;
  readonly statement: Statement;
  readonly envelope: DsseEnvelope;
}

/** Reads an envelope and checks all its signatures by the keys at hand. `now` in Unix seconds. Never throws. */
export function verifyStatement(
  bytes: Uint8Array,
  keys: StatementKeys,
  now: number,
): VerifiedStatement | StatementRefused {
  const opened = openStatement(bytes);
  return opened.ok ? verifyOpened(opened, keys, now) : opened;
}

/** The first half of `verifyStatement`, so that signatures need not be checked on what nobody asked about. */
export function openStatement(bytes: Uint8Array): OpenedStatement | StatementRefused {
  const envelope = attempt("malformed-envelope", () => parseEnvelope(bytes));
  if ("ok" in envelope) return envelope;
  // Compared whole: parameters or another case would be a type that some readers hold for this one.
  if (envelope.payloadType !== STATEMENT_PAYLOAD_TYPE) {
    return { ok: false, code: "not-a-statement", message: `its payload is not ${STATEMENT_PAYLOAD_TYPE}` };
  }
  const statement = attempt("malformed-statement", () => parseStatement(envelope.payload));
  return "ok" in statement ? statement : { ok: true, statement, envelope };
}

/** The second half. Never throws. */
export function verifyOpened(
  { statement, envelope }: OpenedStatement,
  keys: StatementKeys,
  now: number,
): VerifiedStatement {
  const name = encodeHex(digest("sha256", envelope.payload));
  const verified = { ok: true, statement, digest: name, outcomes: outcomesOf(envelope, keys, now) } as const;
  // Taken before anything is weighed: what root says of a key ends nothing that was said against something.
  return isAgainst(statement) ? { ...verified, spoken: spokenIn(verified.outcomes) } : verified;
}

function attempt<T extends object>(code: StatementCode, parse: () => T): T | StatementRefused {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const unknown = error instanceof UnknownStatementError;
    return { ok: false, code: unknown ? "unknown-statement-type" : code, message: error.message };
  }
}

function outcomesOf(envelope: DsseEnvelope, keys: StatementKeys, now: number): SignatureOutcome[] {
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  const signatures = uniqueBy(envelope.signatures, ({ keyid, sig }: DsseSignature) =>
    // Only for raw signatures does the hint change what is tried; all others are the same under any.
    keyid?.startsWith("nix:") ? `${keyid} ${latin1(sig)}` : latin1(sig),
  );
  const outcomes = signatures.map((signature) => verifyStatementSignature(signature, message, keys, now));
  return uniqueBy(outcomes, (outcome) => (outcome.valid ? `${outcome.key} ${outcome.signingKey}` : outcome));
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => unknown): T[] {
  const unique = new Map<unknown, T>();
  for (const item of items) if (!unique.has(key(item))) unique.set(key(item), item);
  return [...unique.values()];
}
