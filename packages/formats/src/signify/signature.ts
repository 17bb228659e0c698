/**
 * Signature files of signify: a comment, a line of base64, and behind it, where the message is embedded, the message.
 *
 * Claims: one reading of each file. The comment is nobody's word, and is not handed on. Leaves out: whether the
 * signature is true, and `Ed25519` in any other clothing than `Ed`.
 */
import { FormatError } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";
import { decodeLine, type KeyNumber, keyNumber, type NumberedFormat } from "./key.ts";

export interface SignifySignature {
  readonly number: KeyNumber;
  /** 64 bytes, R and S. */
  readonly signature: Uint8Array;
  /** What stands behind the signature: the message of `signify -e`, empty for a detached one. */
  readonly embedded: Uint8Array;
}

/** Longest comment, in bytes, as both programs have it. */
const MAX_COMMENT = 1024;
const COMMENT = "untrusted comment: ";
const SIGNATURE_BYTES = 2 + 8 + 64;

/** Throws `FormatError`. */
export function parseSignifySignature(bytes: Uint8Array): SignifySignature {
  const { algorithm, number, signature, end } = readSignatureLines(bytes, "signify");
  if (algorithm !== "Ed") throw new FormatError("signify", "signature", 0, "is of an unknown algorithm");
  return { number, signature, embedded: bytes.subarray(end) };
}

/** The two lines that a signature of either program begins with; `end` is where the third one would. */
export function readSignatureLines(bytes: Uint8Array, format: NumberedFormat) {
  const comment = readLine(bytes, 0, MAX_COMMENT + COMMENT.length, "comment", format);
  if (!comment.text.startsWith(COMMENT))
    throw new FormatError(format, "comment", 0, "does not begin `untrusted comment: `");
  const line = readLine(bytes, comment.end, 200, "signature", format);
  const packed = decodeLine(line.text, SIGNATURE_BYTES, "signature", format);
  return {
    algorithm: latin1(packed.subarray(0, 2)),
    number: keyNumber(packed.subarray(2, 10)),
    signature: packed.slice(10),
    end: line.end,
  };
}

/** A line, and where the next one begins. Throws `FormatError` where it does not end, or is too long. */
export function readLine(
  bytes: Uint8Array,
  start: number,
  limit: number,
  field: string,
  format: NumberedFormat,
): { text: string; end: number } {
  const window = bytes.subarray(start, start + limit + 1);
  const length = window.indexOf(0x0a);
  if (length < 0) throw new FormatError(format, field, start, "does not end, or is too long");
  return { text: latin1(window.subarray(0, length)), end: start + length + 1 };
}
