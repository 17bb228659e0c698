import type { ByteReader } from "../bytes/reader.ts";

/** Twice the largest RSA modulus that any known implementation makes. */
const MAX_BITS = 16_384;

/**
 * A multiprecision integer (RFC 9580 section 3.2), big-endian, without leading zero bytes.
 *
 * Deployed writers disagree about leading zeros of numbers that are really byte strings: GnuPG 2.2 drops them from
 * an EdDSA R or S, 2.3 keeps them and counts their bits. Both spell one value, so both are read as that value, and
 * whoever needs a fixed length pads on the left. What stays refused is a first byte with more bits than were
 * announced, which two readers would take for two numbers.
 */
export function readMpi(reader: ByteReader, field: string): Uint8Array {
  const bits = reader.u16(field);
  if (bits > MAX_BITS) reader.fail(field, `has ${bits} bits, ${MAX_BITS} are allowed`, reader.offset - 2);
  const bytes = reader.take((bits + 7) >> 3, field);
  if (bits & 7 && bytes[0]! >> (bits & 7))
    reader.fail(field, "has more bits than announced", reader.offset - bytes.length);
  let zeros = 0;
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++;
  return bytes.subarray(zeros);
}
