/**
 * One source that a sealed evaluation copied into its private store, read once: as the NAR that Nix would make of it.
 *
 * Claim: what is hashed here is what `onNar` was given, since nothing is read a second time. Against: links that lead
 * out, devices, FIFOs, sockets, files of a terabyte, directories without end. A link is kept as a link and never
 * followed. Leaves out whether the name fits the content: content-name.ts.
 */
import { createHash } from "node:crypto";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type NarHash, narHashOf } from "@firstmile/formats/nix/hash";
import { checkNarName, compareNarNames, NarWriter } from "@firstmile/formats/nix/nar";
import type { ContainedDirectory, Entry, OpenFile } from "./contained.ts";

export interface CopiedSource {
  readonly narHash: NarHash;
  /** Bytes of the NAR. */
  readonly narSize: number;
  /** Of a source that is one plain file, which can be named by its bytes too. */
  readonly file: PlainFile | undefined;
}

export interface PlainFile {
  /** SHA-256 of the content. */
  readonly digest: Uint8Array;
  /** The content, where it is short enough for a text. */
  readonly text: Buffer | undefined;
}

/** How much may be read, of all sources of one evaluation together. Counted down. */
export interface Budget {
  entries: number;
  /** Bytes of content. */
  bytes: number;
}

/**
 * nixpkgs has 60,000 files of 300 MB together, the sources of Linux 90,000 of 1.5 GB. What is over these limits is
 * refused, and said to be.
 */
export function sourceBudget(): Budget {
  return { entries: 1_000_000, bytes: 8 * 2 ** 30 };
}

/** Longer files are not looked through for what they refer to. Nix itself reads a text into memory whole. */
const MAX_TEXT = 64 << 20;
const BLOCK = 1 << 18;
/** Bytes and entries until others get a turn. */
const A_TURN = { bytes: 16 << 20, entries: 500 };

/** A source that is not what Nix copies, with what is wrong with it. */
export class BadSource extends Error {
  /** Whether only its size is against it. */
  readonly isLimit: boolean;

  constructor(problem: string, isLimit = false) {
    super(problem);
    this.name = "BadSource";
    this.isLimit = isLimit;
  }
}

/** Reads `name` of the directory. Throws `BadSource`. */
export async function readCopied(
  directory: ContainedDirectory,
  name: Uint8Array,
  budget: Budget,
  onNar: (chunk: Uint8Array) => void = () => {},
): Promise<CopiedSource> {
  const hash = createHash("sha256");
  const writer = new NarWriter((chunk) => {
    hash.update(chunk);
    onNar(chunk);
  });
  const reading = new Reading(writer, budget);
  try {
    const file = await reading.root(directory, name);
    const narSize = writer.end();
    return { narHash: narHashOf(hash.digest()), narSize, file };
  } catch (error) {
    throw asBadSource(error);
  }
}

class Reading {
  readonly #writer: NarWriter;
  readonly #budget: Budget;
  #sinceTurn = { bytes: 0, entries: 0 };

  constructor(writer: NarWriter, budget: Budget) {
    this.#writer = writer;
    this.#budget = budget;
  }

  async root(directory: ContainedDirectory, name: Uint8Array): Promise<PlainFile | undefined> {
    const entry = this.#entry(directory, name);
    if (entry.kind !== "regular") {
      await this.#node(directory, name, entry);
      return undefined;
    }
    const hash = createHash("sha256");
    const pieces: Buffer[] | undefined = entry.size <= MAX_TEXT ? [] : undefined;
    const { executable } = await this.#regular(directory, name, (piece) => {
      hash.update(piece);
      pieces?.push(piece);
    });
    // A flat hash and a text say nothing of the executable bit, so Nix clears it.
    return executable ? undefined : { digest: hash.digest(), text: pieces && Buffer.concat(pieces) };
  }

  async #node(directory: ContainedDirectory, name: Uint8Array, entry: Entry): Promise<void> {
    switch (entry.kind) {
      case "regular":
        await this.#regular(directory, name);
        return;
      case "symlink":
        return this.#writer.symlink(directory.target(name));
      case "directory": {
        using below = directory.directory(name);
        return await this.#directory(below);
      }
      case "other":
        throw new BadSource("holds a device, FIFO or socket");
    }
  }

  async #directory(directory: ContainedDirectory): Promise<void> {
    this.#writer.directory();
    for (const name of this.#names(directory)) {
      // Before the name becomes part of a path.
      checkNarName(name);
      this.#writer.entry(name);
      await this.#node(directory, name, this.#entry(directory, name));
      await this.#turn();
    }
    this.#writer.endDirectory();
  }

  #names(directory: ContainedDirectory): Buffer[] {
    const names: Buffer[] = [];
    for (const name of directory.names()) {
      if (--this.#budget.entries < 0) throw new BadSource("holds too many files", true);
      names.push(name);
    }
    return names.sort(compareNarNames);
  }

  #entry(directory: ContainedDirectory, name: Uint8Array): Entry {
    const entry = directory.entry(name);
    if (!entry) throw new BadSource("changed while it was read");
    return entry;
  }

  async #regular(
    directory: ContainedDirectory,
    name: Uint8Array,
    onContent: (piece: Buffer) => void = () => {},
  ): Promise<OpenFile> {
    using file = directory.file(name);
    // The size is known before anything is read: a sparse file costs nothing to make.
    if (file.size > this.#budget.bytes) throw new BadSource("is too large", true);
    this.#budget.bytes -= file.size;
    this.#writer.regular(file.size, file.executable);
    for (let left = file.size; left > 0; ) {
      // A buffer of its own each time, since the writer hands large pieces on as they are.
      const block = Buffer.allocUnsafe(Math.min(BLOCK, left));
      const got = file.read(block);
      if (got === 0) throw new BadSource("became shorter while it was read");
      const piece = block.subarray(0, got);
      onContent(piece);
      this.#writer.content(piece);
      left -= got;
      this.#sinceTurn.bytes += got;
      await this.#turn();
    }
    this.#writer.endRegular();
    return file;
  }

  async #turn(): Promise<void> {
    if (this.#sinceTurn.bytes < A_TURN.bytes && ++this.#sinceTurn.entries < A_TURN.entries) return;
    this.#sinceTurn = { bytes: 0, entries: 0 };
    await new Promise(setImmediate);
  }
}

function asBadSource(error: unknown): BadSource {
  if (error instanceof BadSource) return error;
  if (error instanceof FormatError) return new BadSource(`cannot be an archive of Nix: ${error.message}`);
  if (error instanceof Error && "code" in error)
    return new BadSource(`cannot be read: ${String(error.code)}`);
  throw error;
}
