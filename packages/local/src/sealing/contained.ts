/**
 * Reads a directory whose whole content an attacker wrote.
 *
 * Claim: nothing outside of the directory is ever opened. Each step starts at an open directory (`/proc/self/fd/N`) and
 * takes one name of it without following a link, so no parent can be exchanged on the way. Against: links, devices,
 * FIFOs and sockets under a name that should be a file, and files that change while they are read. Leaves out how
 * much is read, which the caller counts.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
/** A FIFO that takes a file's place after it was looked at must not make `open` wait. */
const FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
const DIRECTORY = O_RDONLY | O_NOFOLLOW | O_DIRECTORY;

export type Kind = "regular" | "directory" | "symlink" | "other";

/** What is at a name: its kind, and of a file its size in bytes and whether it can be run. */
export interface Entry {
  readonly kind: Kind;
  readonly size: number;
  readonly executable: boolean;
}

export interface OpenFile extends Disposable {
  readonly size: number;
  readonly executable: boolean;
  /** Fills the buffer from where the last reading ended. Returns the bytes read, 0 at the end. */
  read(into: Uint8Array): number;
}

/** What an entry is called in a problem: the other kinds are all refused alike. */
export function kindOf(stat: Stats): Kind {
  if (stat.isFile()) return "regular";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "symlink" : "other";
}

/** One open directory. Names are bytes, and must have neither a slash nor a NUL: `checkNarName` says so. */
export class ContainedDirectory implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** The path's parents are the caller's own. Throws where the file system does, also at a link. */
  static open(path: string): ContainedDirectory {
    return new ContainedDirectory(openSync(path, DIRECTORY));
  }

  /** Undefined where there is nothing of this name. */
  entry(name: Uint8Array): Entry | undefined {
    const stat = lstatSync(this.#path(name), { throwIfNoEntry: false });
    return stat && { kind: kindOf(stat), size: stat.size, executable: (stat.mode & 0o100) !== 0 };
  }

  /** Throws unless it is a regular file. */
  file(name: Uint8Array): OpenFile {
    const fd = openSync(this.#path(name), FILE);
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      closeSync(fd);
      throw new Error("is not a regular file any more");
    }
    return {
      size: stat.size,
      executable: (stat.mode & 0o100) !== 0,
      read: (into) => readSync(fd, into),
      [Symbol.dispose]: () => closeSync(fd),
    };
  }

  directory(name: Uint8Array): ContainedDirectory {
    return new ContainedDirectory(openSync(this.#path(name), DIRECTORY));
  }

  target(name: Uint8Array): Buffer {
    return readlinkSync(this.#path(name), { encoding: "buffer" });
  }

  /** The names in it, in no order. One at a time, so that a caller can stop at its limit. */
  *names(): Generator<Buffer> {
    const listing = opendirSync(`/proc/self/fd/${this.#fd}`, { encoding: "buffer" as BufferEncoding });
    try {
      for (let entry = listing.readSync(); entry !== null; entry = listing.readSync()) {
        yield entry.name as unknown as Buffer;
      }
    } finally {
      listing.closeSync();
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #path(name: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#fd}/`), name]);
  }
}
