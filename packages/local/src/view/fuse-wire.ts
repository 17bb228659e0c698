/**
 * FUSE requests as the kernel sends them (include/uapi/linux/fuse.h, protocol 7.23 and newer): bytes to values.
 *
 * Claims: a message is read as what it says, or not at all: every length is checked before it is used. The kernel is
 * no attacker, but names and sizes in its messages come from whoever uses the mount. Little-endian machines only: the
 * protocol has the byte order of the machine.
 */

/** Opcodes that are told apart. */
export const OP = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  SETXATTR: 21,
  REMOVEXATTR: 24,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  CREATE: 35,
  INTERRUPT: 36,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  COPY_FILE_RANGE: 47,
  TMPFILE: 51,
} as const;

/** A message that cannot be read. */
export class WireError extends Error {
  constructor(problem: string) {
    super(`fuse: ${problem}`);
    this.name = "WireError";
  }
}

export interface Request {
  readonly opcode: number;
  /** Names the request in its reply: 64 bits, in two halves. */
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** Inode; 0 where it is none that we gave out. */
  readonly node: number;
  readonly pid: number;
  /** What follows the header; a view of the buffer that was read into. */
  readonly body: Buffer;
}

export const REQUEST_HEADER_BYTES = 40;

/** Reads the message in the first `length` bytes. Throws `WireError`. */
export function readRequest(bytes: Buffer, length: number): Request {
  if (length < REQUEST_HEADER_BYTES) throw new WireError(`a message of ${length} bytes`);
  if (bytes.readUInt32LE(0) !== length) throw new WireError("a message of another length than it says");
  return {
    opcode: bytes.readUInt32LE(4),
    uniqueLow: bytes.readUInt32LE(8),
    uniqueHigh: bytes.readUInt32LE(12),
    node: bytes.readUInt32LE(20) === 0 ? bytes.readUInt32LE(16) : 0,
    pid: bytes.readUInt32LE(32),
    body: bytes.subarray(REQUEST_HEADER_BYTES, length),
  };
}

/** Longest name that Linux knows. */
const MAX_NAME_BYTES = 255;

/** The body of LOOKUP: a name that ends with NUL. Throws `WireError`. */
export function readName(body: Buffer): Buffer {
  const end = body.indexOf(0);
  if (end < 1 || end !== body.length - 1 || end > MAX_NAME_BYTES) throw new WireError("no name");
  return body.subarray(0, end);
}

export interface ReadRange {
  /** Bytes, or for directories what an earlier reply named. */
  readonly offset: number;
  readonly size: number;
}

/** The body of READ, READDIR and READDIRPLUS. Throws `WireError`. */
export function readRange(body: Buffer): ReadRange {
  if (body.length < 40) throw new WireError("a range that is cut off");
  const high = body.readUInt32LE(12);
  // Behind the end of anything: no file has 2^53 bytes.
  const offset = high > 0x1f_ffff ? Number.MAX_SAFE_INTEGER : high * 2 ** 32 + body.readUInt32LE(8);
  return { offset, size: body.readUInt32LE(16) };
}

/** The flags in the body of OPEN, as open(2) has them. Throws `WireError`. */
export function readOpenFlags(body: Buffer): number {
  if (body.length < 8) throw new WireError("an open that is cut off");
  return body.readUInt32LE(0);
}

export interface Init {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  /** What the kernel is able to. */
  readonly flags: number;
}

/** The body of INIT. Throws `WireError`. */
export function readInit(body: Buffer): Init {
  if (body.length < 16) throw new WireError("an introduction that is cut off");
  return {
    major: body.readUInt32LE(0),
    minor: body.readUInt32LE(4),
    maxReadahead: body.readUInt32LE(8),
    flags: body.readUInt32LE(12),
  };
}
