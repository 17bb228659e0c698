/** A directory on disk as a tree in memory, within a limit. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { NarNode } from "@firstmile/formats/nix/nar";

/** Undefined where it is over `limit` bytes, or holds something that is no file, directory or link. */
export function readTree(path: string, limit: number): NarNode | undefined {
  const left = { bytes: limit };
  return readNode(Buffer.from(path), left);
}

function readNode(path: Buffer, left: { bytes: number }): NarNode | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) return { kind: "symlink", target: readlinkSync(path, "buffer") };
  if (stat?.isFile()) {
    left.bytes -= stat.size;
    if (left.bytes < 0) return undefined;
    const content = readFileSync(path);
    return {
      kind: "regular",
      executable: (stat.mode & 0o100) !== 0,
      size: content.length,
      content: [content],
    };
  }
  return stat?.isDirectory() ? readDirectory(path, left) : undefined;
}

function readDirectory(path: Buffer, left: { bytes: number }): NarNode | undefined {
  const entries = [];
  for (const name of readdirSync(path, { encoding: "buffer" }).sort(Buffer.compare)) {
    const node = readNode(Buffer.concat([path, Buffer.from("/"), name]), left);
    if (node === undefined) return undefined;
    entries.push({ name, node });
  }
  return { kind: "directory", entries };
}
