/**
 * The .drv files of a sealed store, each read once.
 *
 * Claim: what is held here is what its path names, and its bytes are what will be imported. Against: a file that is
 * another derivation's, a link, a device or a FIFO, or larger than anything that Nix writes.
 */
import { type Derivation, renderDerivation } from "@firstmile/formats/nix/derivation";
import { baseNameOf, type DrvPath, storeDirOf } from "@firstmile/formats/nix/store-path";
import { asDerivation, CorruptDerivation, MAX_DRV_BYTES } from "../admission/derivation-reader.ts";
import type { ContainedDirectory } from "./contained.ts";

/** A derivation that the evaluation wrote, and the bytes of its file. */
export interface BroughtDerivation {
  readonly derivation: Derivation;
  readonly bytes: Buffer;
}

/** Bytes of all derivations together; nixpkgs' largest closures have 100 MB. */
const MAX_TOTAL_DRV_BYTES = 2 ** 30;

export class BroughtDerivations {
  readonly #directory: ContainedDirectory;
  readonly #storeDir: string;
  readonly #read = new Map<DrvPath, BroughtDerivation>();
  #bytes = 0;

  constructor(directory: ContainedDirectory, storeDir: string) {
    this.#directory = directory;
    this.#storeDir = storeDir;
  }

  get all(): ReadonlyMap<DrvPath, BroughtDerivation> {
    return this.#read;
  }

  /** Throws `CorruptDerivation`. */
  at(path: DrvPath): Derivation {
    const known = this.#read.get(path);
    if (known) return known.derivation;
    if (storeDirOf(path) !== this.#storeDir) throw new CorruptDerivation(path, `is not in ${this.#storeDir}`);
    const bytes = this.#drvFile(path);
    const derivation = asDerivation(path, bytes, this.#storeDir);
    // What was judged, written again, is what will be imported.
    if (!Buffer.from(renderDerivation(derivation)).equals(bytes))
      throw new CorruptDerivation(path, "is not spelt as Nix spells it");
    this.#read.set(path, { derivation, bytes });
    return derivation;
  }

  #drvFile(path: DrvPath): Buffer {
    const name = Buffer.from(baseNameOf(path));
    const entry = readable(path, () => this.#directory.entry(name));
    if (!entry) throw new CorruptDerivation(path, "was not written by the evaluation");
    if (entry.kind !== "regular" || entry.size > MAX_DRV_BYTES)
      throw new CorruptDerivation(path, "is not a derivation file");
    this.#bytes += entry.size;
    if (this.#bytes > MAX_TOTAL_DRV_BYTES)
      throw new CorruptDerivation(
        path,
        `brings the derivations to more than ${MAX_TOTAL_DRV_BYTES >> 20} MiB`,
      );
    return readable(path, () => this.#readAll(name, entry.size));
  }

  #readAll(name: Buffer, size: number): Buffer {
    using file = this.#directory.file(name);
    const bytes = Buffer.allocUnsafe(size);
    let at = 0;
    for (let got = -1; got !== 0 && at < size; at += got) got = file.read(bytes.subarray(at));
    return bytes.subarray(0, at);
  }
}

/** What the file system says of a file that should be there. */
function readable<T>(path: DrvPath, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CorruptDerivation(path, `cannot be read from the sealed store: ${error.message}`);
  }
}
