/** A path (Latin-1, one character a byte) as a person reads it: UTF-8 where it is, and nothing that a terminal obeys. */
export function visiblePath(path: string): string {
  const bytes = Buffer.from(path, "latin1");
  const text = bytes.toString("utf8");
  const exact = Buffer.from(text, "utf8").equals(bytes) ? text : path;
  return exact.replace(UNSEEN, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A word of a command as a shell takes it: whoever names files must not write what others paste. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
