/**
 * Answers the kernel: one request in, one reply out, nothing kept between them but what was opened before.
 *
 * Claims: no content is given out before its opening was decided and recorded, nor a link's target, nor a listing, nor
 * whether a name exists; what was refused once stays refused; every request to write is refused. A refusal is EACCES,
 * which says to people what it is; a file that cannot be served as what its tree names is EIO.
 */
import { constants as fsConstants } from "node:fs";
import { constants } from "node:os";
import { NAR_MAX_TARGET } from "@firstmile/formats/nix/nar";
import type { Blobs } from "./blobs.ts";
import { BlobError } from "./blocking-git.ts";
import { direntBytes, MAX_PAYLOAD, type ReplyWriter } from "./fuse-replies.ts";
import { OP, type Request, readInit, readName, readOpenFlags, readRange, WireError } from "./fuse-wire.ts";
import { type InodeTable, SYMLINK } from "./inode-table.ts";
import type { OpenLog } from "./open-log.ts";

const { EACCES, EINVAL, EIO, EISDIR, ENOSYS, ENOTDIR, EPROTO, EROFS, ESTALE } = constants.errno;

const WRITING: ReadonlySet<number> = new Set([
  OP.SETATTR,
  OP.SYMLINK,
  OP.MKNOD,
  OP.MKDIR,
  OP.UNLINK,
  OP.RMDIR,
  OP.RENAME,
  OP.LINK,
  OP.WRITE,
  OP.SETXATTR,
  OP.REMOVEXATTR,
  OP.CREATE,
  OP.FALLOCATE,
  OP.RENAME2,
  OP.COPY_FILE_RANGE,
  OP.TMPFILE,
]);
/** The kernel waits for no answer. */
const SILENT: ReadonlySet<number> = new Set([OP.FORGET, OP.BATCH_FORGET, OP.INTERRUPT]);

/** What open(2) asks to do with the content. */
const ACCESS_MODES = 3;

export class FileSystem {
  private readonly table: InodeTable;
  private readonly blobs: Blobs;
  private readonly log: OpenLog;
  private readonly out: ReplyWriter;
  private asksToOpenDirectories = true;

  constructor(table: InodeTable, blobs: Blobs, log: OpenLog, out: ReplyWriter) {
    this.table = table;
    this.blobs = blobs;
    this.log = log;
    this.out = out;
  }

  /** The reply, good until the next request; undefined where the kernel expects none. */
  answer(request: Request): Buffer | undefined {
    if (SILENT.has(request.opcode)) return undefined;
    try {
      return this.out.finish(request, this.reply(request));
    } catch (error) {
      if (error instanceof WireError) return this.out.finish(request, EINVAL);
      throw error;
    }
  }

  /** Writes the reply's payload; gives an error number, or 0. */
  private reply(request: Request): number {
    const { opcode, node, body } = request;
    if (opcode === OP.INIT) return this.init(body);
    if (WRITING.has(opcode)) return EROFS;
    if (opcode === OP.STATFS) return this.statfs();
    if (!this.table.has(node)) return ESTALE;
    switch (opcode) {
      case OP.LOOKUP:
        return this.lookup(node, body);
      case OP.GETATTR:
        this.out.attr(this.attributes(node));
        return 0;
      case OP.READLINK:
        return this.readlink(request);
      case OP.OPEN:
        return this.open(request);
      case OP.READ:
        return this.read(node, body);
      case OP.READDIR:
      case OP.READDIRPLUS:
        return this.list(node, body, opcode === OP.READDIRPLUS);
      case OP.OPENDIR:
        return this.openDirectory();
      case OP.RELEASE:
      case OP.RELEASEDIR:
        return 0;
      default:
        // The kernel does not ask again.
        return ENOSYS;
    }
  }

  private init(body: Buffer): number {
    const asked = readInit(body);
    if (asked.major !== 7 || asked.minor < 23) return EPROTO;
    this.asksToOpenDirectories = this.out.init(asked);
    return 0;
  }

  /** Listings are what is recorded: a kernel that can do without asking here shall. */
  private openDirectory(): number {
    if (!this.asksToOpenDirectories) return ENOSYS;
    this.out.opened();
    return 0;
  }

  private statfs(): number {
    this.out.statfs(this.table.length - 1);
    return 0;
  }

  private lookup(node: number, body: Buffer): number {
    if (!this.table.isDirectory(node)) return ENOTDIR;
    const name = readName(body);
    const found = this.log.lookedUp(node, name, this.table.lookup(node, name));
    if (found === undefined) return EIO;
    this.out.entry(found === 0 ? NOBODY : this.attributes(found));
    return 0;
  }

  private attributes(node: number) {
    return { node, size: this.table.size(node) || 0, mode: statMode(this.table.mode(node)) };
  }

  private open(request: Request): number {
    const { node, body } = request;
    if (!this.table.isFile(node)) return this.table.isDirectory(node) ? EISDIR : EINVAL;
    if ((readOpenFlags(body) & ACCESS_MODES) !== fsConstants.O_RDONLY) return EROFS;
    const refused = this.admit(request);
    if (refused === 0) this.out.opened();
    return refused;
  }

  private readlink(request: Request): number {
    if (this.table.mode(request.node) !== SYMLINK) return EINVAL;
    const refused = this.admit(request);
    return refused === 0 ? this.content(request.node, 0, NAR_MAX_TARGET) : refused;
  }

  /** Decides the first opening of a path, and records it; later ones end as the first did. */
  private admit({ node, pid }: Request): number {
    const before = this.log.verdict(node);
    if (before !== undefined) return before ? 0 : EACCES;
    if (this.log.isFull()) return EIO;
    try {
      return this.log.opened(node, this.blobs.get(node).sha256, pid) ? 0 : EACCES;
    } catch (error) {
      return this.broken(node, error);
    }
  }

  private read(node: number, body: Buffer): number {
    if (!this.table.isFile(node)) return EINVAL;
    // Whoever has it open was let in; nobody reads what is not open.
    if (this.log.verdict(node) !== true) return EACCES;
    const { offset, size } = readRange(body);
    return this.content(node, offset, Math.min(size, MAX_PAYLOAD));
  }

  private content(node: number, offset: number, size: number): number {
    try {
      this.out.bytes(this.blobs.get(node).content.subarray(offset, offset + size));
      return 0;
    } catch (error) {
      return this.broken(node, error);
    }
  }

  private broken(node: number, error: unknown): number {
    if (!(error instanceof BlobError)) throw error;
    this.log.broken(node, error.message);
    return EIO;
  }

  private list(node: number, body: Buffer, plus: boolean): number {
    if (!this.table.isDirectory(node)) return ENOTDIR;
    const { offset, size } = readRange(body);
    if (!this.log.listed(node)) return EIO;
    const { first, count } = this.table.entries(node);
    const room = Math.min(size, MAX_PAYLOAD);
    for (let place = offset; place < count + 2; place++) {
      const listed = place === 0 ? node : place === 1 ? this.table.parent(node) : first + place - 2;
      if (place >= 2 && !this.log.isListed(listed)) continue;
      const name = DOTS[place] ?? this.table.name(listed);
      if (this.out.payload + direntBytes(name.length, plus) > room) break;
      // `.` and `..` are no inodes that the kernel shall count a look-up of.
      const attributes = this.attributes(listed);
      this.out.dirent(
        name,
        place + 1,
        place < 2 ? { ...attributes, node: plus ? 0 : listed } : attributes,
        plus,
      );
    }
    return 0;
  }
}

const DOTS = [Buffer.from("."), Buffer.from("..")];
const NOBODY = { node: 0, size: 0, mode: 0 };

/** Readable by everybody, as files in Nix's store are. */
function statMode(mode: number): number {
  if (mode === SYMLINK) return 0o120777;
  if (mode >> 12 === 0o10) return mode === 0o100755 ? 0o100555 : 0o100444;
  return 0o40555;
}
