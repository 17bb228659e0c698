/**
 * Statements: what people sign about commits and changes. in-toto Statements v1 of a few types of our own, in
 * canonical JSON (spec/statements.md).
 *
 * Claims: what parses renders to the same bytes, each type holds exactly the members that it has, and its subjects say
 * the same as its predicate. Against: a text that two readers take for two statements. Leaves out: who signed it, and
 * whether it is so.
 */
import { FormatError } from "../bytes/error.ts";
import { encodeUtf8 } from "../bytes/text.ts";
import { STATEMENT } from "../dsse/format-names.ts";
import { JsonMembers } from "../dsse/json-members.ts";
import { decodeJsonText } from "../dsse/json-text.ts";
import { parseStrictJson } from "../nix/json.ts";
import { renderCanonicalJson, requireCanonicalJson } from "./canonical-json.ts";
import { type ChannelStatement, channelBody, readChannel } from "./channel.ts";
import { type CosignStatement, cosignBody, readCosign } from "./cosign.ts";
import { type DistrustStatement, distrustBody, readDistrust } from "./distrust.ts";
import { type HandoffStatement, handoffBody, readHandoff } from "./handoff.ts";
import { type HeadStatement, headBody, readHead } from "./head.ts";
import { type ReviewStatement, readReview, reviewBody } from "./review.ts";
import type { StatementBody } from "./subject.ts";
import { readWaiver, type WaiverStatement, waiverBody } from "./waiver.ts";
import { readWithdraw, type WithdrawStatement, withdrawBody } from "./withdraw.ts";

export type Statement =
  | CosignStatement
  | ReviewStatement
  | HeadStatement
  | HandoffStatement
  | WaiverStatement
  | DistrustStatement
  | WithdrawStatement
  | ChannelStatement;

/** The payload type of an in-toto Statement in a DSSE envelope. */
export const STATEMENT_PAYLOAD_TYPE = "application/vnd.in-toto+json";
/** Largest statement, in bytes: in base64 it leaves a third of an envelope to the signatures. */
export const MAX_STATEMENT = 512 << 10;

const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";

const PREDICATE_TYPES = {
  cosign: "urn:firstmile:cosign:1",
  review: "urn:firstmile:review:1",
  head: "urn:firstmile:head:1",
  handoff: "urn:firstmile:handoff:1",
  waiver: "urn:firstmile:waiver:1",
  distrust: "urn:firstmile:distrust:1",
  withdraw: "urn:firstmile:withdraw:1",
  channel: "urn:firstmile:channel:1",
} as const satisfies Record<Statement["kind"], string>;

/** A statement, but of a type that this reader does not know: of a later version, or of somebody else's. */
export class UnknownStatementError extends FormatError {}

/** Reads the payload of an envelope. Throws `FormatError`, `UnknownStatementError` where the type is not known. */
export function parseStatement(payload: Uint8Array): Statement {
  const text = decodeJsonText(payload, STATEMENT, MAX_STATEMENT);
  const value = parseStrictJson(text, STATEMENT);
  const read = attempt(() => readStatement(new JsonMembers(value, STATEMENT)));
  // What is written is canonical, so what equals it is too.
  if (!(read instanceof FormatError) && statementText(read) === text) return read;
  requireCanonicalJson(value, text, STATEMENT);
  if (read instanceof FormatError) throw read;
  // Whatever the readers of a type let through that they do not write, two readers could differ about.
  throw new FormatError(STATEMENT, "JSON", 0, "does not say this in its one form");
}

/** The bytes of a statement. Throws `FormatError` where a path, note or name in it is none. */
export function renderStatement(statement: Statement): Uint8Array {
  return encodeUtf8(statementText(statement));
}

function statementText(statement: Statement): string {
  return renderCanonicalJson(
    { _type: STATEMENT_TYPE, predicateType: PREDICATE_TYPES[statement.kind], ...bodyOf(statement) },
    STATEMENT,
  );
}

function readStatement(members: JsonMembers): Statement {
  if (members.string("_type") !== STATEMENT_TYPE) members.fail("_type", `is not ${STATEMENT_TYPE}`);
  const statement = readBody(members.string("predicateType"), members);
  members.end();
  return statement;
}

function attempt<T>(parse: () => T): T | FormatError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

function readBody(type: string, members: JsonMembers): Statement {
  switch (type) {
    case PREDICATE_TYPES.cosign:
      return readCosign(members);
    case PREDICATE_TYPES.review:
      return readReview(members);
    case PREDICATE_TYPES.head:
      return readHead(members);
    case PREDICATE_TYPES.handoff:
      return readHandoff(members);
    case PREDICATE_TYPES.waiver:
      return readWaiver(members);
    case PREDICATE_TYPES.distrust:
      return readDistrust(members);
    case PREDICATE_TYPES.withdraw:
      return readWithdraw(members);
    case PREDICATE_TYPES.channel:
      return readChannel(members);
    default:
      throw new UnknownStatementError(STATEMENT, "predicateType", 0, "is not one that is known");
  }
}

function bodyOf(statement: Statement): StatementBody {
  switch (statement.kind) {
    case "cosign":
      return cosignBody(statement);
    case "review":
      return reviewBody(statement);
    case "head":
      return headBody(statement);
    case "handoff":
      return handoffBody(statement);
    case "waiver":
      return waiverBody(statement);
    case "distrust":
      return distrustBody(statement);
    case "withdraw":
      return withdrawBody(statement);
    case "channel":
      return channelBody(statement);
  }
}
