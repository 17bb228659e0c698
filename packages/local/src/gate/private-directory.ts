/**
 * A directory that only the gate's own user may enter. Against: another user's directory or link of that name, and a
 * socket or a record that others reach between its making and its mode.
 */
import { chmodSync, lstatSync, mkdirSync } from "node:fs";

/** Makes it where it is missing, and closes it. Throws where it belongs to another user. */
export function makePrivateDirectory(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stat = lstatSync(dir);
  if (!stat.isDirectory() || stat.uid !== process.getuid!())
    throw new Error(
      `${dir} must be a directory of the gate's own user; move it away and start the gate again`,
    );
  chmodSync(dir, 0o700);
}
