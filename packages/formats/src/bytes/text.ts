import { FormatError } from "./error.ts";

const utf8 = new TextEncoder();

/** UTF-8 bytes of a string. */
export function encodeUtf8(text: string): Uint8Array {
  return utf8.encode(text);
}

/** Bytes as a string of the same length, one character a byte. Reversible, so safe on hostile bytes. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Lower- or upper-case hex to bytes. Throws `FormatError` on an odd length or any other character. */
export function decodeHex(text: string): Uint8Array {
  const bad = /[^0-9a-fA-F]/.exec(text);
  if (bad) throw new FormatError("hex", "digit", bad.index, "is not a hexadecimal digit");
  if (text.length % 2) throw new FormatError("hex", "length", text.length, "is odd");
  return Buffer.from(text, "hex");
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/**
 * Padded standard base64 to bytes. Strict (RFC 4648 section 3.5): no white space, no missing padding, no stray
 * bits behind the last byte, so that each byte string has exactly one spelling.
 */
export function decodeBase64(text: string): Uint8Array {
  const bad = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ""));
  if (bad) throw new FormatError("base64", "character", bad.index, "is not in the alphabet");
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) {
    throw new FormatError(
      "base64",
      "padding",
      text.length,
      "is missing or the last character carries stray bits",
    );
  }
  return bytes;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
