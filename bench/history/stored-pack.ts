/** As pack.ts, for millions of objects: written piece by piece, and not compressed (RFC 1951 section 3.2.4). */
import { createHash } from "node:crypto";
import { entryHead } from "./pack.ts";

const TYPES = { commit: 1, tree: 2 } as const;

/** How many objects a history of so many commits over one empty tree has. */
export function sizeOf(commits: number): number {
  return commits + 1;
}

export class StoredPack {
  private readonly sum = createHash("sha1");
  private parts: Buffer[] = [];

  constructor(objects: number) {
    const head = Buffer.alloc(12);
    head.write("PACK");
    head.writeUInt32BE(2, 4);
    head.writeUInt32BE(objects, 8);
    this.parts.push(head);
  }

  /** Adds an object that is not there yet, below 64 KiB, and returns its id. */
  add(type: keyof typeof TYPES, content: Buffer): string {
    this.parts.push(entryHead(TYPES[type], content.length), stored(content));
    return createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest("hex");
  }

  /** What was written since it was asked the last time. */
  take(): Buffer {
    const piece = Buffer.concat(this.parts);
    this.parts = [];
    this.sum.update(piece);
    return piece;
  }

  /** The rest, with the checksum behind it. */
  end(): Buffer {
    return Buffer.concat([this.take(), this.sum.digest()]);
  }
}

/** A zlib stream of one block as it is. */
function stored(content: Buffer): Buffer {
  const out = Buffer.alloc(7 + content.length + 4);
  out.set([0x78, 0x01, 0x01]);
  out.writeUInt16LE(content.length, 3);
  out.writeUInt16LE(content.length ^ 0xffff, 5);
  out.set(content, 7);
  out.writeUInt32BE(adler32(content), 7 + content.length);
  return out;
}

function adler32(bytes: Buffer): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
