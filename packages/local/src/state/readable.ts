/** Opens what is not secret to the machine's other users, whatever umask its writer has. */
import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A directory with all that is in it: entered and listed, and read, by everybody; written by its owner. */
export function openToReaders(path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    chmodSync(path, 0o755);
    for (const name of readdirSync(path)) openToReaders(join(path, name));
  } else if (stat.isFile()) chmodSync(path, stat.mode | 0o444);
}
