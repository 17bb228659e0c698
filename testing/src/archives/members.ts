/** A tar archive as its blocks: each header with the content behind it. */
import type { Random } from "../fuzz.ts";

export const BLOCK = 512;

export interface Member {
  /** One block, changed in place. */
  readonly header: Buffer;
  /** Whole blocks. */
  content: Buffer;
}

/** Of an archive that is well-formed; its end is left out. */
export function blocksOf(archive: Buffer): Member[] {
  const members: Member[] = [];
  for (let at = 0; archive[at] !== 0; ) {
    const header = archive.subarray(at, at + BLOCK);
    const size = Number.parseInt(header.toString("latin1", 124, 135).trim(), 8);
    const next = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    members.push({ header, content: archive.subarray(at + BLOCK, next) });
    at = next;
  }
  return members;
}

/** Puts the right checksum into a header. */
export function setSum(header: Buffer): void {
  if (header.length < BLOCK) return;
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

export function setContent(member: Member, content: Buffer): void {
  member.content = Buffer.concat([content, Buffer.alloc(-content.length & (BLOCK - 1))]);
  member.header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
}

/** The content with something where its last block is filled up. */
export function padded(content: Buffer, random: Random): Buffer {
  const copy = Buffer.from(content);
  if (copy.length > 0) copy[copy.length - 1 - Math.floor(random() * 10)] = 0x41;
  return copy;
}

export function taken<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)]!;
}
