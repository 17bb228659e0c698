/**
 * NAR: Nix's archive of one file, link or directory tree. One tree has exactly one NAR, so its hash names the tree.
 *
 * `NarWriter` takes events and hands on bytes, never holding more than one chunk; it refuses to write what a
 * reader would refuse. The strict reader is in nar-parse.ts. Source: Nix manual, "Nix Archive (NAR) format".
 */
import { createHash } from "node:crypto";
import { FormatError } from "../bytes/error.ts";
import { type NarHash, narHashOf } from "./hash.ts";

export interface NarRegular {
  readonly kind: "regular";
  readonly executable: boolean;
  /** Bytes of the content. */
  readonly size: number;
  /** The content in pieces that add up to `size`. */
  readonly content: Iterable<Uint8Array>;
}
export interface NarSymlink {
  readonly kind: "symlink";
  readonly target: Uint8Array;
}
export interface NarDirectory {
  readonly kind: "directory";
  /** By name, in ascending order of bytes (not Git's order, which sorts a directory as if it ended in `/`). */
  readonly entries: Iterable<NarEntry>;
}
export interface NarEntry {
  readonly name: Uint8Array;
  readonly node: NarNode;
}
export type NarNode = NarRegular | NarSymlink | NarDirectory;

/** Nix 2.34 and newer refuse deeper trees; older ones have no limit. */
export const NAR_MAX_DEPTH = 64;
export const NAR_MAX_NAME = 255;
export const NAR_MAX_TARGET = 4095;

const BLOCK = 1 << 16;
/** Most NARs are of one short file: these need no large block. */
const FIRST_BLOCK = 1 << 11;

/** Ascending order of bytes: how a NAR sorts a directory. */
export function compareNarNames(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** Throws `FormatError` on a name that would leave its directory or that no reader takes. */
export function checkNarName(name: Uint8Array, offset = 0): void {
  const fail = (problem: string) => {
    throw new FormatError("nar", "name", offset, problem);
  };
  if (name.length === 0 || name.length > NAR_MAX_NAME) fail(`is empty or over ${NAR_MAX_NAME} bytes`);
  if (name.includes(0x2f) || name.includes(0)) fail("has a slash or NUL");
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) fail("is . or ..");
}

export function checkNarTarget(target: Uint8Array, offset = 0): void {
  if (target.length > 0 && target.length <= NAR_MAX_TARGET && !target.includes(0)) return;
  throw new FormatError("nar", "target", offset, "is empty, too long or has a NUL");
}

/** What the writer waits for next. */
type Expects = "node" | "entry" | "content" | "nothing";

/**
 * Writes one NAR from events:
 *
 *     node      = regular size · content* · endRegular | symlink | directory · (entry · node)* · endDirectory
 *
 * Then `end()`. Chunks handed to `onBytes` are not touched again by the writer; large content passes through
 * without a copy, so the caller must not change it before `onBytes` is done with it. Throws `FormatError` on names
 * out of order or not allowed, content that does not add up and events out of turn.
 */
export class NarWriter {
  private readonly onBytes: (chunk: Uint8Array) => void;
  private block = Buffer.allocUnsafe(FIRST_BLOCK);
  private used = 0;
  private flushed = 0;
  private expects: Expects = "node";
  private left = 0;
  private padding = 0;
  /** The last name written in each open directory. */
  private readonly last: (Uint8Array | undefined)[] = [];

  constructor(onBytes: (chunk: Uint8Array) => void) {
    this.onBytes = onBytes;
    this.raw(HEAD);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.flushed + this.used;
  }

  regular(size: number, executable: boolean): void {
    this.turn("node");
    if (!Number.isSafeInteger(size) || size < 0) this.fail("size", "is not a whole number of bytes");
    this.raw(executable ? EXECUTABLE : REGULAR);
    this.u64(size);
    this.left = size;
    this.padding = -size & 7;
    this.expects = "content";
  }

  content(bytes: Uint8Array): void {
    this.turn("content");
    if (bytes.length > this.left) this.fail("contents", "are longer than announced");
    this.left -= bytes.length;
    this.raw(bytes);
  }

  endRegular(): void {
    this.turn("content");
    if (this.left > 0) this.fail("contents", "are shorter than announced");
    this.raw(ZEROS.subarray(0, this.padding));
    this.closeNode();
  }

  symlink(target: Uint8Array): void {
    this.turn("node");
    checkNarTarget(target, this.size);
    this.raw(SYMLINK);
    this.string(target);
    this.closeNode();
  }

  directory(): void {
    this.turn("node");
    if (this.last.length >= NAR_MAX_DEPTH) this.fail("directory", `is more than ${NAR_MAX_DEPTH} deep`);
    this.raw(DIRECTORY);
    this.last.push(undefined);
    this.expects = "entry";
  }

  /** Names the node that comes next in the open directory. */
  entry(name: Uint8Array): void {
    this.turn("entry");
    checkNarName(name, this.size);
    const last = this.last.at(-1);
    if (last && compareNarNames(last, name) >= 0) this.fail("name", "is not behind the one before it");
    this.last[this.last.length - 1] = name;
    this.raw(ENTRY);
    this.string(name);
    this.raw(NODE);
    this.expects = "node";
  }

  endDirectory(): void {
    this.turn("entry");
    this.last.pop();
    this.closeNode();
  }

  /** Hands on what is left. Returns the size of the whole NAR. */
  end(): number {
    this.turn("nothing");
    this.flush();
    return this.flushed;
  }

  private closeNode(): void {
    const inDirectory = this.last.length > 0;
    this.raw(inDirectory ? CLOSE_ENTRY : CLOSE);
    this.expects = inDirectory ? "entry" : "nothing";
  }

  private turn(event: Expects): void {
    if (this.expects !== event) this.fail(event, `is out of turn: ${this.expects} is expected`);
  }

  private fail(field: string, problem: string): never {
    throw new FormatError("nar", field, this.size, problem);
  }

  private string(bytes: Uint8Array): void {
    this.u64(bytes.length);
    this.raw(bytes);
    this.raw(ZEROS.subarray(0, -bytes.length & 7));
  }

  private u64(value: number): void {
    if (this.used + 8 > this.block.length) this.flush();
    this.block.writeUInt32LE(value >>> 0, this.used);
    this.block.writeUInt32LE(Math.floor(value / 2 ** 32), this.used + 4);
    this.used += 8;
  }

  private raw(bytes: Uint8Array): void {
    if (this.used + bytes.length > this.block.length) this.flush();
    if (bytes.length >= BLOCK / 2) {
      this.flush();
      this.flushed += bytes.length;
      this.onBytes(bytes);
      return;
    }
    this.block.set(bytes, this.used);
    this.used += bytes.length;
  }

  private flush(): void {
    if (this.used === 0) return;
    const chunk = this.block.subarray(0, this.used);
    this.flushed += this.used;
    this.block = Buffer.allocUnsafe(BLOCK);
    this.used = 0;
    this.onBytes(chunk);
  }
}

const ZEROS = new Uint8Array(8);
const HEAD = tokens("nix-archive-1");
const REGULAR = tokens("(", "type", "regular", "contents");
const EXECUTABLE = tokens("(", "type", "regular", "executable", "", "contents");
const SYMLINK = tokens("(", "type", "symlink", "target");
const DIRECTORY = tokens("(", "type", "directory");
const ENTRY = tokens("entry", "(", "name");
const NODE = tokens("node");
const CLOSE = tokens(")");
const CLOSE_ENTRY = tokens(")", ")");

/** Each token with its length in eight bytes, little-endian, and zeros up to the next multiple of eight. */
function tokens(...words: string[]): Uint8Array {
  return Buffer.concat(
    words.map((word) => {
      const token = Buffer.alloc(8 + word.length + (-word.length & 7));
      token.writeUInt32LE(word.length);
      token.write(word, 8, "latin1");
      return token;
    }),
  );
}

/** The NAR of a tree, in chunks. Holds no more of it than the tree's own pieces. */
export function* narChunks(root: NarNode): Generator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const writer = new NarWriter((chunk) => ready.push(chunk));
  for (const _ of writeEvents(writer, root)) {
    yield* ready;
    ready = [];
  }
  writer.end();
  yield* ready;
}

/** Yields between pieces, so that the chunks can be taken away. */
function* writeEvents(writer: NarWriter, node: NarNode): Generator<void> {
  if (node.kind === "symlink") return writer.symlink(node.target);
  if (node.kind === "regular") {
    writer.regular(node.size, node.executable);
    for (const piece of node.content) {
      writer.content(piece);
      yield;
    }
    return writer.endRegular();
  }
  writer.directory();
  for (const { name, node: child } of node.entries) {
    writer.entry(name);
    yield* writeEvents(writer, child);
  }
  writer.endDirectory();
}

export interface NarDigest {
  readonly narHash: NarHash;
  /** Bytes of the NAR. */
  readonly narSize: number;
}

/** A writer that keeps nothing but the hash; `digest()` after the last event. */
export function narHasher(): { readonly writer: NarWriter; digest(): NarDigest } {
  const hash = createHash("sha256");
  const writer = new NarWriter((chunk) => hash.update(chunk));
  return {
    writer,
    digest: () => {
      const narSize = writer.end();
      return { narHash: narHashOf(hash.digest()), narSize };
    },
  };
}

/** NAR hash and size of a tree. */
export function narDigest(root: NarNode): NarDigest {
  const { writer, digest } = narHasher();
  for (const _ of writeEvents(writer, root));
  return digest();
}
