/**
 * Packet framing (RFC 9580 section 4.2), old and new.
 *
 * Partial and indeterminate lengths are refused: they exist for streamed data (section 4.2.1.4 forbids them
 * elsewhere), and nothing that this package reads is data.
 */
import { ByteReader } from "../bytes/reader.ts";

/** Packet type IDs of section 5 that this package knows by name. */
export const PacketTag = {
  signature: 2,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  marker: 10,
  trust: 12,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
  padding: 21,
} as const;

export interface Packet {
  readonly tag: number;
  readonly body: ByteReader;
  /** Where its header starts in the whole input. */
  readonly offset: number;
}

/** Bounds on one input: a keyring of thousands of packets is real, one of millions is an attack on the reader. */
export interface PacketLimits {
  readonly bytes: number;
  readonly packets: number;
}

/** The packets of one binary input, to its end. */
export function readPackets(bytes: Uint8Array, limits: PacketLimits): Packet[] {
  const reader = new ByteReader(bytes, "openpgp");
  if (bytes.length > limits.bytes) reader.fail("input", `is longer than ${limits.bytes} bytes`);
  const packets: Packet[] = [];
  while (reader.remaining > 0) {
    if (packets.length === limits.packets)
      reader.fail("packet", `is more than the ${limits.packets} allowed`);
    packets.push(readPacket(reader));
  }
  return packets;
}

/**
 * Whether a packet says nothing here and is passed over: markers, padding, a keyring's own trust packets, and the
 * unknown ones from 40 on, which RFC 9580 section 4.3 calls non-critical. Any other unknown packet is a refusal.
 */
export function isIgnorable({ tag }: Packet): boolean {
  return tag === PacketTag.marker || tag === PacketTag.padding || tag === PacketTag.trust || tag >= 40;
}

function readPacket(reader: ByteReader): Packet {
  const offset = reader.base + reader.offset;
  const header = reader.u8("packet header");
  if (!(header & 0x80)) reader.fail("packet header", "does not have its first bit set", reader.offset - 1);
  const isNew = (header & 0x40) !== 0;
  const tag = isNew ? header & 0x3f : (header >> 2) & 0x0f;
  if (tag === 0) reader.fail("packet header", "has the reserved type 0", reader.offset - 1);
  const length = isNew ? newLength(reader) : oldLength(reader, header & 3);
  return { tag, body: reader.nested(length, "packet body"), offset };
}

function newLength(reader: ByteReader): number {
  const first = reader.u8("packet length");
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8) + reader.u8("packet length") + 192;
  if (first < 255) reader.fail("packet length", "is partial", reader.offset - 1);
  return reader.u32("packet length");
}

function oldLength(reader: ByteReader, type: number): number {
  if (type === 0) return reader.u8("packet length");
  if (type === 1) return reader.u16("packet length");
  if (type === 2) return reader.u32("packet length");
  return reader.fail("packet length", "is indeterminate", reader.offset - 1);
}
