/**
 * A binary cache of files, written for one import: the form in which stock Nix checks content before it takes it.
 *
 * Nothing here is trusted by Nix: each narinfo has a content address and no signature, and Nix recomputes the address
 * from the NAR. An evaluation has thousands of small files, so these lie in memory where the machine has a directory
 * for that. Large ones lie below the caller's directory. Leaves out everything that a cache for others needs. It is
 * removed when it is disposed of; what a killed process left behind, `clearFileCaches` removes at the next start.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { ContentAddress } from "@firstmile/formats/nix/content-address";
import type { NarDigest } from "@firstmile/formats/nix/nar";
import { renderNarInfo } from "@firstmile/formats/nix/narinfo";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { NixError } from "../admission/nix-tools.ts";

export interface CachedPath extends NarDigest {
  readonly path: StorePath;
  readonly references: readonly StorePath[];
  readonly ca: ContentAddress;
}

export interface NarFile extends Disposable {
  write(chunk: Uint8Array): void;
}

/** Where files lie in memory on Linux, readable for their owner alone in a directory of mode 0700. */
const MEMORY = "/dev/shm";
const TMPFS = 0x01021994;
/** Bytes that have to be free there: containers often have 64 MB in all. */
const ROOM = 2 ** 30;
/** Bytes of a NAR from which on it is written to disk. */
const LARGE = 1 << 18;
/** What both versions of Nix read alike in a file:// address; 2.8 does not decode `%20`. */
const PLAIN = /^[A-Za-z0-9/._+-]+$/;

export class FileCache implements Disposable {
  readonly #parent: string;
  readonly #dir: string;
  /** For large files; made when the first one comes. */
  #onDisk: string | undefined;

  /** Makes a cache for the caller that owns `parent`. Throws `NixError` where Nix could not be given its address. */
  constructor(parent: string, storeDir: string) {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    this.#parent = realpathSync(parent);
    this.#dir = mkdtempSync(placeOf(this.#parent));
    mkdirSync(join(this.#dir, "nar"));
    writeFileSync(join(this.#dir, "nix-cache-info"), `StoreDir: ${storeDir}\n`);
  }

  /** As Nix takes it. */
  get url(): string {
    return `file://${this.#dir}`;
  }

  /** The NAR of a path, to be written in pieces. A path has one NAR here: a second writing throws. */
  nar(path: StorePath): NarFile {
    const file = join(this.#dir, narName(path));
    let small: Uint8Array[] | undefined = [];
    let size = 0;
    let fd = -1;
    return {
      write: (chunk) => {
        size += chunk.length;
        small?.push(chunk);
        if (size < LARGE) return;
        if (fd < 0) fd = written(() => this.#large(file, path));
        for (const piece of small ?? [chunk]) written(() => writeAll(fd, piece));
        small = undefined;
      },
      [Symbol.dispose]: () => {
        if (fd >= 0) closeSync(fd);
        else written(() => writeFileSync(file, Buffer.concat(small ?? []), { flag: "wx", mode: 0o600 }));
      },
    };
  }

  #large(file: string, path: StorePath): number {
    this.#onDisk ??= mkdtempSync(join(this.#parent, "large-"));
    const target = join(this.#onDisk, hashPartOf(path));
    const fd = openSync(target, "wx", 0o600);
    symlinkSync(target, file);
    return fd;
  }

  /** Says what the NAR of a path is. From then on Nix finds it. */
  describe({ path, references, ca, narHash, narSize }: CachedPath): void {
    const text = renderNarInfo({
      storePath: path,
      url: narName(path),
      compression: "none",
      fileHash: narHash,
      fileSize: narSize,
      narHash,
      narSize,
      references: [...references].sort(),
      deriver: undefined,
      signatures: [],
      ca,
    });
    const file = join(this.#dir, `${hashPartOf(path)}.narinfo`);
    written(() => writeFileSync(file, text, { flag: "wx", mode: 0o600 }));
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
    if (this.#onDisk) rmSync(this.#onDisk, { recursive: true, force: true });
  }
}

/** Removes all caches of the caller that owns `parent`. To be called while no import is under way. */
export function clearFileCaches(parent: string): void {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const prefix = placeInMemory(realpathSync(parent));
  const left = existsSync(MEMORY) ? readdirSync(MEMORY).map((name) => join(MEMORY, name)) : [];
  for (const path of left.filter((one) => one.startsWith(prefix) && isOwn(one)))
    rmSync(path, { recursive: true, force: true });
  rmSync(parent, { recursive: true, force: true });
}

/**
 * Every user may make a directory of this name, and exchange what is in it while it is removed. Only its owner can
 * do that to a directory of mode 0700, where the one above has the sticky bit.
 */
function isOwn(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid!();
}

/** How the directory of a cache begins. */
function placeOf(parent: string): string {
  if (hasRoomInMemory()) return placeInMemory(parent);
  if (PLAIN.test(parent)) return join(parent, "import-");
  throw new NixError(
    `${parent} cannot be named in a file:// address: use a state directory of letters, digits and . _ + -`,
  );
}

/** Named by the owner's directory, so that each owner finds its own again. */
function placeInMemory(parent: string): string {
  const owner = createHash("sha256").update(parent).digest("hex").slice(0, 32);
  return join(MEMORY, `firstmile-${owner}-`);
}

function hasRoomInMemory(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(MEMORY);
    return type === TMPFS && bavail * bsize >= ROOM;
  } catch {
    return false;
  }
}

/** A full disk is the machine's trouble, and says nothing against what was read. */
function written<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new NixError(`what was evaluated cannot be prepared for the store: ${error.message}`, {
      cause: error,
    });
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function narName(path: StorePath): string {
  return `nar/${hashPartOf(path)}.nar`;
}
