/** FUSE replies (include/uapi/linux/fuse.h): values to bytes, into one buffer that is used again for each reply. */
import type { Init, Request } from "./fuse-wire.ts";

const HEADER_BYTES = 16;
/** Most that a reply carries: 256 pages. */
export const MAX_PAYLOAD = 1 << 20;
const MAX_PAGES = MAX_PAYLOAD >> 12;

/** What the kernel may remember without asking again, in seconds. Objects never change. */
const VALID = 1_000_000;

const FLAG = {
  ASYNC_READ: 1 << 0,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  PARALLEL_DIROPS: 1 << 18,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  NO_OPENDIR_SUPPORT: 1 << 24,
} as const;
/** Not NO_OPEN_SUPPORT: each open is asked for, so that it can be decided and recorded. */
const WANTED = Object.values(FLAG).reduce((all, flag) => all | flag, 0);

const FOPEN_KEEP_CACHE = 1 << 1;
const FOPEN_CACHE_DIR = 1 << 3;

export interface Attributes {
  readonly node: number;
  readonly size: number;
  /** Type and permissions, as stat(2) has them. */
  readonly mode: number;
}

/** Seconds since 1970 of everything in a view: what Nix gives to files in its store. */
const TIME = 1;

export class ReplyWriter {
  readonly buffer = Buffer.alloc(HEADER_BYTES + MAX_PAYLOAD);
  private end = HEADER_BYTES;

  /** Bytes written behind the header so far. */
  get payload(): number {
    return this.end - HEADER_BYTES;
  }

  /** Gives the reply's bytes, good until the next one is begun. `errno` as a positive number; 0: it went well. */
  finish(request: Request, errno = 0): Buffer {
    const length = errno === 0 ? this.end : HEADER_BYTES;
    this.buffer.writeUInt32LE(length, 0);
    this.buffer.writeInt32LE(-errno, 4);
    this.buffer.writeUInt32LE(request.uniqueLow, 8);
    this.buffer.writeUInt32LE(request.uniqueHigh, 12);
    this.end = HEADER_BYTES;
    return this.buffer.subarray(0, length);
  }

  bytes(content: Uint8Array): void {
    this.buffer.set(content, this.end);
    this.end += content.length;
  }

  /** fuse_entry_out. Node 0: there is no such name, which is remembered too. */
  entry(attributes: Attributes): void {
    this.u64(attributes.node);
    this.u64(0);
    this.u64(VALID);
    this.u64(VALID);
    this.u64(0);
    this.attributes(attributes);
  }

  /** fuse_attr_out */
  attr(attributes: Attributes): void {
    this.u64(VALID);
    this.u64(0);
    this.attributes(attributes);
  }

  private attributes({ node, size, mode }: Attributes): void {
    this.u64(node);
    this.u64(size);
    this.u64(Math.ceil(size / 512));
    for (let i = 0; i < 3; i++) this.u64(TIME);
    for (let i = 0; i < 3; i++) this.u32(0);
    this.u32(mode);
    // A directory too: other numbers tell programs how many directories they will find in it.
    this.u32(1);
    // Owner and group of the mount: 0 in its user namespace, which is whoever made the view.
    this.u64(0);
    this.u32(0);
    this.u32(4096);
    this.u32(0);
  }

  /** fuse_open_out */
  opened(): void {
    this.u64(0);
    this.u32(FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR);
    this.u32(0);
  }

  /** fuse_statfs_out, of a file system that is full. */
  statfs(files: number): void {
    for (let i = 0; i < 3; i++) this.u64(0);
    this.u64(files);
    this.u64(0);
    this.u32(4096);
    this.u32(255);
    this.u32(4096);
    this.zeros(28);
  }

  /** fuse_dirent, behind a fuse_entry_out where the kernel asks for both. `next`: the offset to go on from. */
  dirent(name: Uint8Array, next: number, attributes: Attributes, plus: boolean): void {
    if (plus) this.entry(attributes);
    this.u64(attributes.node);
    this.u64(next);
    this.u32(name.length);
    this.u32(attributes.mode >> 12);
    this.bytes(name);
    this.zeros(-name.length & 7);
  }

  /** fuse_init_out. Gives whether the kernel will insist on OPENDIR. */
  init({ minor, maxReadahead, flags }: Init): boolean {
    this.u32(7);
    this.u32(Math.min(minor, 31));
    this.u32(Math.min(maxReadahead, MAX_PAYLOAD));
    this.u32(flags & WANTED);
    this.u16(64);
    this.u16(48);
    this.u32(4096);
    this.u32(1);
    this.u16(MAX_PAGES);
    this.u16(0);
    this.zeros(32);
    return (flags & FLAG.NO_OPENDIR_SUPPORT) === 0;
  }

  private u16(value: number): void {
    this.end = this.buffer.writeUInt16LE(value, this.end);
  }

  private u32(value: number): void {
    this.end = this.buffer.writeUInt32LE(value >>> 0, this.end);
  }

  private u64(value: number): void {
    this.end = this.buffer.writeUInt32LE(value % 2 ** 32, this.end);
    this.end = this.buffer.writeUInt32LE(Math.floor(value / 2 ** 32), this.end);
  }

  private zeros(count: number): void {
    this.buffer.fill(0, this.end, this.end + count);
    this.end += count;
  }
}

/** Bytes that `dirent` needs. */
export function direntBytes(nameBytes: number, plus: boolean): number {
  return (plus ? 128 : 0) + 24 + nameBytes + (-nameBytes & 7);
}
