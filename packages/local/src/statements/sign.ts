/**
 * Signs statements with what a user signs commits with.
 *
 * Claims: nothing is signed that this program cannot read, and what is signed is the encoding of exactly the bytes
 * that go into the envelope. Against: an envelope that comes from somebody else to be co-signed and is no statement,
 * or one that a reader takes for another.
 */
import { equalBytes } from "@firstmile/formats/bytes/text";
import {
  type DsseEnvelope,
  type DsseSignature,
  parseEnvelope,
  preAuthEncoding,
  renderEnvelope,
} from "@firstmile/formats/dsse/envelope";
import {
  parseStatement,
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { STATEMENT_NAMESPACE } from "@firstmile/trust/statement/signature";
import { SigningError, signWith, type UserKey } from "../signing/user-key.ts";

/** An envelope with this user's signature over the statement. Throws `FormatError` where the statement is none. */
export async function signStatement(user: UserKey, statement: Statement): Promise<Uint8Array> {
  const payload = renderStatement(statement);
  parseStatement(payload);
  const signature = await sign(user, payload);
  return finished({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures: [signature] });
}

/**
 * What an envelope would have this user sign, to be shown before `addSignature`. Throws `FormatError`, and
 * `SigningError` where its payload is of another type.
 */
export function statementIn(envelope: Uint8Array): Statement {
  return parseStatement(payloadOf(parseEnvelope(envelope)));
}

/** The envelope with this user's signature beside the others; one that is there already is not repeated. */
export async function addSignature(user: UserKey, envelope: Uint8Array): Promise<Uint8Array> {
  const parsed = parseEnvelope(envelope);
  const payload = payloadOf(parsed);
  parseStatement(payload);
  const signature = await sign(user, payload);
  const there = parsed.signatures.some(({ sig }) => equalBytes(sig, signature.sig));
  return finished({ ...parsed, signatures: there ? parsed.signatures : [...parsed.signatures, signature] });
}

function payloadOf({ payloadType, payload }: DsseEnvelope): Uint8Array {
  if (payloadType === STATEMENT_PAYLOAD_TYPE) return payload;
  const help = "sign only what you can read: ask for an in-toto statement of a type that this version knows";
  throw new SigningError("this envelope holds no statement", help);
}

async function sign(user: UserKey, payload: Uint8Array): Promise<DsseSignature> {
  const message = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload);
  return { keyid: undefined, sig: await signWith(user, message, STATEMENT_NAMESPACE) };
}

/** Rendered, and read again: an envelope over a limit is found here and not by everybody else. */
function finished(envelope: DsseEnvelope): Uint8Array {
  const bytes = renderEnvelope(envelope);
  parseEnvelope(bytes);
  return bytes;
}
