/**
 * A binary cache of files, written for one import: the form in which stock Nix checks content before it takes it.
 *
 * Nothing here is trusted by Nix: each narinfo has a content address and no signature, and Nix recomputes the address
 * from the NAR. Leaves out everything that a cache for others needs. The directory is removed when it is disposed of;
 * what a process that was killed left behind, `clearFileCaches` removes at the next start.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ContentAddress } from "@firstmile/formats/nix/content-address";
import type { NarDigest } from "@firstmile/formats/nix/nar";
import { renderNarInfo } from "@firstmile/formats/nix/narinfo";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";

export interface CachedPath extends NarDigest {
  readonly path: StorePath;
  readonly references: readonly StorePath[];
  readonly ca: ContentAddress;
}

export interface NarFile extends Disposable {
  write(chunk: Uint8Array): void;
}

const PREFIX = "import-";

export class FileCache implements Disposable {
  readonly #dir: string;

  /** Makes a cache below `parent`, which is made where it is missing. */
  constructor(parent: string, storeDir: string) {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    this.#dir = mkdtempSync(join(parent, PREFIX));
    mkdirSync(join(this.#dir, "nar"));
    writeFileSync(join(this.#dir, "nix-cache-info"), `StoreDir: ${storeDir}\n`);
  }

  /** As Nix takes it. */
  get url(): string {
    return `file://${this.#dir.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** The NAR of a path, to be written in pieces. A path has one NAR here: a second writing throws. */
  nar(path: StorePath): NarFile {
    const fd = openSync(join(this.#dir, narName(path)), "wx", 0o600);
    return {
      write(chunk) {
        for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
      },
      [Symbol.dispose]: () => closeSync(fd),
    };
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
    writeFileSync(join(this.#dir, `${hashPartOf(path)}.narinfo`), text, { flag: "wx", mode: 0o600 });
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Removes all caches below `parent`. To be called while no import is under way. */
export function clearFileCaches(parent: string): void {
  rmSync(parent, { recursive: true, force: true });
}

function narName(path: StorePath): string {
  return `nar/${hashPartOf(path)}.nar`;
}
