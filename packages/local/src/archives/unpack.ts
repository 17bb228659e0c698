/** An archive as a tree in memory, as Nix and its fetchers unpack it. zip and others are not read, and so refused. */
import type { NarHash } from "@firstmile/formats/nix/hash";
import { type NarDirectory, narDigest } from "@firstmile/formats/nix/nar";
import { ArchiveRefused } from "./refused.ts";
import { tarEntries } from "./tar.ts";
import { TreeBuilder } from "./tree.ts";
import { uncompress } from "./uncompress.ts";

export interface Unpacked {
  /** Without the one directory on top. */
  readonly root: NarDirectory;
  readonly narHash: NarHash;
  /** The archive itself, decompressed. */
  readonly uncompressed: Buffer;
}

/** Throws `ArchiveRefused`. */
export async function unpack(bytes: Uint8Array): Promise<Unpacked> {
  const { builder, uncompressed } = await readArchive(bytes);
  const root = builder.stripped();
  return { root, narHash: narDigest(root).narHash, uncompressed };
}

/** All that an archive holds. Throws `ArchiveRefused`. */
export async function readArchive(
  bytes: Uint8Array,
): Promise<{ builder: TreeBuilder; uncompressed: Buffer }> {
  const uncompressed = await uncompress(bytes);
  if (!isTar(uncompressed)) throw new ArchiveRefused("it is no tar archive");
  const builder = new TreeBuilder();
  for (const entry of tarEntries(uncompressed)) builder.add(entry);
  return { builder, uncompressed };
}

/** By the mark that POSIX and GNU put into each header; archives from before are told by their checksum alone. */
function isTar(bytes: Buffer): boolean {
  return bytes.length >= 1024 && (bytes.toString("latin1", 257, 262) === "ustar" || bytes[156]! <= 0x37);
}
