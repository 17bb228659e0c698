import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Largest file of a policy, in bytes. */
const MAX_FILE_BYTES = 16 << 20;

/**
 * The rules and keys of a directory that a user names: firstmile.toml and the plain files below keys/, by path. Links
 * are not followed, since a directory from somebody else could point them at files of this machine.
 */
export async function readPolicyDirectory(dir: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  await addFile(files, dir, "firstmile.toml");
  await addBelow(files, dir, "keys");
  return files;
}

async function addBelow(files: Map<string, Uint8Array>, dir: string, prefix: string): Promise<void> {
  const entries = await readdir(join(dir, prefix), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = `${prefix}/${entry.name}`;
    if (entry.isDirectory()) await addBelow(files, dir, path);
    else if (entry.isFile()) await addFile(files, dir, path);
  }
}

async function addFile(files: Map<string, Uint8Array>, dir: string, path: string): Promise<void> {
  const info = await lstat(join(dir, path)).catch(() => undefined);
  if (info?.isFile() && info.size <= MAX_FILE_BYTES) files.set(path, await readFile(join(dir, path)));
}
