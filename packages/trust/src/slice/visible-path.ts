import { visibleName } from "@firstmile/formats/bytes/visible";

/** A path (Latin-1, one character a byte) as a person reads it: UTF-8 where it is, and nothing that a terminal obeys. */
export function visiblePath(path: string): string {
  return visibleName(Buffer.from(path, "latin1"));
}

/** A word of a command as a shell takes it: whoever names files must not write what others paste. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
