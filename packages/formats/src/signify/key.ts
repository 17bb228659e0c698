/**
 * Public keys of signify (OpenBSD) and minisign: `Ed`, eight bytes that number the key, and an Ed25519 key, in base64.
 * Both programs write the same bytes. The number is chosen by whoever makes the key: it finds a key and proves nothing.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeBase64, encodeBase64, encodeHex, latin1 } from "../bytes/text.ts";

/** Which program's conventions a key or signature follows; they differ in what is signed. */
export type NumberedFormat = "minisign" | "signify";

declare const keyNumberBrand: unique symbol;

/** Eight bytes as 16 lower-case hex digits, in the order of the file (minisign prints them backwards). */
export type KeyNumber = string & { readonly [keyNumberBrand]: true };

export interface NumberedKey {
  readonly number: KeyNumber;
  /** 32 bytes, RFC 8032. */
  readonly key: Uint8Array;
}

const KEY_BYTES = 2 + 8 + 32;

/** The base64 line of a `.pub` file. Throws `FormatError`. */
export function parseNumberedKey(text: string, format: NumberedFormat): NumberedKey {
  const bytes = decodeLine(text, KEY_BYTES, "public key", format);
  if (latin1(bytes.subarray(0, 2)) !== "Ed")
    throw new FormatError(format, "public key", 0, "is of an algorithm that is not known");
  return { number: keyNumber(bytes.subarray(2, 10)), key: bytes.slice(10) };
}

/** The same line again. */
export function renderNumberedKey({ number, key }: NumberedKey): string {
  return encodeBase64(Buffer.concat([Buffer.from("Ed"), Buffer.from(number, "hex"), key]));
}

export function keyNumber(bytes: Uint8Array): KeyNumber {
  return encodeHex(bytes) as KeyNumber;
}

/** Base64 of exactly so many bytes, with nothing around it. */
export function decodeLine(text: string, length: number, field: string, format: NumberedFormat): Uint8Array {
  const bytes = text.length <= Math.ceil(length / 3) * 4 ? decode(text, field, format) : undefined;
  if (bytes?.length === length) return bytes;
  throw new FormatError(format, field, 0, `is not ${length} bytes in base64`);
}

function decode(text: string, field: string, format: NumberedFormat): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(format, field, error.offset, "is not strict base64");
  }
}
