/** The encodings of RFC 4251 section 5 that SSH keys and signatures are made of, each with one spelling a value. */
import type { ByteReader } from "../bytes/reader.ts";
import { latin1 } from "../bytes/text.ts";

/** `string`: a length in 32 bits, then that many bytes. */
export function readString(reader: ByteReader, field: string): Uint8Array {
  return reader.take(reader.u32(field), field);
}

/** A `string` that holds a name: printable ASCII, no space (RFC 4251 section 6). */
export function readName(reader: ByteReader, field: string): string {
  const at = reader.offset;
  const text = latin1(readString(reader, field));
  if (!/^[!-~]{1,64}$/.test(text)) reader.fail(field, "is not a name of at most 64 printable characters", at);
  return text;
}

/**
 * A positive `mpint` as big-endian bytes without leading zeros. Refuses zero, negative numbers and needless zero
 * bytes: another spelling of the same number would be another key or signature with the same meaning.
 */
export function readPositive(reader: ByteReader, field: string): Uint8Array {
  const at = reader.offset;
  const bytes = readString(reader, field);
  const [first, second] = bytes;
  if (first === undefined || first >= 0x80) reader.fail(field, "is not a positive number", at);
  if (first !== 0) return bytes;
  if (second === undefined || second < 0x80) reader.fail(field, "starts with a needless zero byte", at);
  return bytes.subarray(1);
}

/** `uint64`. */
export function readUint64(reader: ByteReader, field: string): bigint {
  const bytes = reader.take(8, field);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}

/** Bytes as a `string`. */
export function writeString(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + bytes.length);
  new DataView(out.buffer).setUint32(0, bytes.length);
  out.set(bytes, 4);
  return out;
}
