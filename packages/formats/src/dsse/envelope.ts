/**
 * DSSE envelopes (secure-systems-lab/dsse, protocol and envelope v1.0.0): bytes of some type, and signatures over both.
 *
 * Claims: one reading of each envelope, and a signature is over the pre-authentication encoding, so that bytes signed
 * as one type are never bytes of another. Against: an envelope that shows two readers two payloads (members twice,
 * lenient base64), and one made to cost time or memory.
 * Narrower than DSSE, which lets readers pass over members that they do not know and takes URL-safe base64: nobody
 * signs the envelope itself, so what only some readers see in it has no place there. Leaves out: what the payload
 * says, and whether a signature is true.
 */
import { FormatError } from "../bytes/error.ts";
import { concatBytes, decodeBase64, encodeBase64, encodeUtf8 } from "../bytes/text.ts";
import { parseStrictJson } from "../nix/json.ts";
import { DSSE } from "./format-names.ts";
import { JsonMembers } from "./json-members.ts";
import { decodeJsonText } from "./json-text.ts";

export interface DsseEnvelope {
  /** A media type, in printable ASCII. */
  readonly payloadType: string;
  readonly payload: Uint8Array;
  /** At least one. */
  readonly signatures: readonly DsseSignature[];
}

export interface DsseSignature {
  /** A hint at the key, which nobody signed; undefined where it is absent or empty, which DSSE holds for the same. */
  readonly keyid: string | undefined;
  /** In a form that the signer's kind of key decides. */
  readonly sig: Uint8Array;
}

/** Largest envelope, in bytes of its JSON. */
export const MAX_ENVELOPE = 1 << 20;
/** Most signatures on one envelope. */
export const MAX_SIGNATURES = 32;
/** Largest signature, in bytes: an OpenPGP one with notations has a few KiB. */
const MAX_SIGNATURE = 64 << 10;
const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;

/** Reads an envelope's JSON: white space and the order of members are free, nothing else is. Throws `FormatError`. */
export function parseEnvelope(bytes: Uint8Array): DsseEnvelope {
  const text = decodeJsonText(bytes, DSSE, MAX_ENVELOPE);
  const members = new JsonMembers(parseStrictJson(text, DSSE), DSSE);
  const payloadType = members.string("payloadType");
  if (!PRINTABLE.test(payloadType)) members.fail("payloadType", "is not 1 to 256 printable characters");
  const payload = readBase64(members, "payload");
  const signatures = members.objects("signatures", MAX_SIGNATURES).map(readSignature);
  if (signatures.length === 0) members.fail("signatures", "are none");
  members.end();
  return { payloadType, payload, signatures };
}

/** The one JSON text that this project writes for an envelope: RFC 8785, and a line feed behind it. */
export function renderEnvelope({ payloadType, payload, signatures }: DsseEnvelope): Uint8Array {
  const listed = signatures.map(({ keyid, sig }) => ({
    ...(keyid === undefined ? {} : { keyid }),
    sig: encodeBase64(sig),
  }));
  // All of it is printable ASCII and the members stand in order: JSON.stringify is the canonical form.
  const json = JSON.stringify({ payload: encodeBase64(payload), payloadType, signatures: listed });
  return encodeUtf8(`${json}\n`);
}

/** PAE, what each signature is over: `DSSEv1`, and type and payload with the decimal number of their bytes in front. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encodeUtf8(payloadType);
  return concatBytes(encodeUtf8(`DSSEv1 ${type.length} `), type, encodeUtf8(` ${payload.length} `), payload);
}

function readSignature(members: JsonMembers): DsseSignature {
  const keyid = members.optionalString("keyid") || undefined;
  if (keyid !== undefined && !PRINTABLE.test(keyid))
    members.fail("keyid", "is not 1 to 256 printable characters");
  const sig = readBase64(members, "sig");
  if (sig.length === 0 || sig.length > MAX_SIGNATURE) {
    members.fail("sig", `has ${sig.length} bytes, not 1 to ${MAX_SIGNATURE}`);
  }
  members.end();
  return { keyid, sig };
}

function readBase64(members: JsonMembers, key: string): Uint8Array {
  const text = members.string(key);
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return members.fail(key, "is not strict base64");
  }
}
