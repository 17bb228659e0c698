/**
 * Nix's own base 32: no letters e, o, u, t; least significant digit last; no padding. Not RFC 4648.
 *
 * Every byte string has exactly one spelling here: a text whose first digit carries bits beyond the last byte is
 * refused, so nobody can present one hash under two names. Source: Nix manual, "Nix32 encoding".
 */
import { FormatError } from "../bytes/error.ts";

const ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz";
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** Bytes as nix32: 20 bytes give 32 characters, 32 bytes give 52. */
export function encodeNix32(bytes: Uint8Array): string {
  let text = "";
  for (let n = Math.ceil((bytes.length * 8) / 5) - 1; n >= 0; n--) {
    const at = (n * 5) >> 3;
    const pair = bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
    text += ALPHABET[(pair >> ((n * 5) & 7)) & 31]!;
  }
  return text;
}

/** nix32 to bytes. Throws `FormatError` on a character outside the alphabet, an impossible length or stray bits. */
export function decodeNix32(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length * 5) >> 3);
  if (Math.ceil((bytes.length * 8) / 5) !== text.length) {
    throw new FormatError("nix32", "length", text.length, "is not that of whole bytes");
  }
  for (let n = 0; n < text.length; n++) {
    const position = text.length - 1 - n;
    const at = (n * 5) >> 3;
    const bits = digitAt(text, position) << ((n * 5) & 7);
    bytes[at]! |= bits & 0xff;
    if (bits < 256) continue;
    if (at + 1 === bytes.length) {
      throw new FormatError("nix32", "digit", position, "carries bits beyond the last byte");
    }
    bytes[at + 1]! |= bits >> 8;
  }
  return bytes;
}

function digitAt(text: string, position: number): number {
  const value = VALUES[text.charCodeAt(position)] ?? -1;
  if (value < 0) throw new FormatError("nix32", "digit", position, "is not in the alphabet");
  return value;
}
