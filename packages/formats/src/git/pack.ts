/**
 * Pack streams as Git takes them in (gitformat-pack, version 2), whole objects only, and the ids in the index that Git
 * writes for one.
 *
 * Claims: what is written holds exactly the objects given, in their order. Leaves out deltas, which would make an
 * object's bytes a matter of computing, and any check that an object's content is what its id says: whoever takes
 * the pack in hashes it.
 */
import { FormatError } from "../bytes/error.ts";
import { concatBytes } from "../bytes/text.ts";
import type { ObjectHash, ObjectKind } from "./object-id.ts";

/** An object as it stands in the pack. */
export interface PackObject {
  readonly kind: ObjectKind;
  readonly content: Uint8Array;
}

export interface PackMaking {
  /** The content as a zlib stream (RFC 1950): `storedZlib`, or a real compression. */
  readonly compress: (content: Uint8Array) => Uint8Array;
  /** SHA-1 or SHA-256, by the repository's object format. */
  readonly hash: (pack: Uint8Array) => Uint8Array;
}

const KINDS: Readonly<Record<ObjectKind, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };

/** A pack of these objects, each of which is there once. */
export function writePack(objects: readonly PackObject[], { compress, hash }: PackMaking): Uint8Array {
  const header = Buffer.alloc(12);
  header.write("PACK", "latin1");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(objects.length, 8);
  const parts: Uint8Array[] = [header];
  for (const { kind, content } of objects) parts.push(entryHeader(kind, content.length), compress(content));
  const pack = concatBytes(...parts);
  return concatBytes(pack, hash(pack));
}

/** Three bits of kind, then the length before compression, little-endian in groups of 4 and then 7 bits. */
function entryHeader(kind: ObjectKind, length: number): Uint8Array {
  const bytes: number[] = [];
  let byte = (KINDS[kind] << 4) | (length & 0x0f);
  // Not by shifting: lengths may have more than 32 bits.
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
  }
  return Uint8Array.from([...bytes, byte]);
}

/** Most bytes of a stored block (RFC 1951 section 3.2.4). */
const MAX_BLOCK = 0xffff;

/** Content as a zlib stream that compresses nothing: for a pack that is read once and thrown away. */
export function storedZlib(content: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(content.length / MAX_BLOCK));
  const out = Buffer.allocUnsafe(2 + 5 * blocks + content.length + 4);
  // Deflate, with the window that every reader has.
  out[0] = 0x78;
  out[1] = 0x01;
  let at = 2;
  for (let block = 0; block < blocks; block++) {
    const part = content.subarray(block * MAX_BLOCK, (block + 1) * MAX_BLOCK);
    out[at] = block === blocks - 1 ? 1 : 0;
    out.writeUInt16LE(part.length, at + 1);
    out.writeUInt16LE(~part.length & 0xffff, at + 3);
    out.set(part, at + 5);
    at += 5 + part.length;
  }
  out.writeUInt32BE(adler32(content), at);
  return out;
}

/** RFC 1950 section 8.2. Sums of 3,800 bytes stay below 2^31. */
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let start = 0; start < bytes.length; start += 3800) {
    const end = Math.min(bytes.length, start + 3800);
    for (let i = start; i < end; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

const INDEX_MAGIC = 0xff744f63;
const FANOUT_END = 8 + 256 * 4;

/**
 * The ids that an index (version 2) lists, sorted, each `idBytes` long, in one piece. Throws `FormatError` where it is
 * no such index or too short for what it says it holds.
 */
export function packIndexIds(index: Uint8Array, hash: ObjectHash): Uint8Array {
  const bytes = Buffer.from(index.buffer, index.byteOffset, index.length);
  if (bytes.length < FANOUT_END || bytes.readUInt32BE(0) !== INDEX_MAGIC || bytes.readUInt32BE(4) !== 2) {
    throw new FormatError("git object", "pack index", 0, "is not an index of version 2");
  }
  const end = FANOUT_END + bytes.readUInt32BE(FANOUT_END - 4) * (hash === "sha256" ? 32 : 20);
  if (bytes.length < end) throw new FormatError("git object", "pack index", bytes.length, "is cut short");
  return bytes.subarray(FANOUT_END, end);
}
