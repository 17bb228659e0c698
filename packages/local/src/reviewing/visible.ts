/**
 * Bytes of files, names and messages as a reader can trust them.
 *
 * Claims: whatever is in the bytes and would not be seen, or would move, colour or reorder other text, comes out as a
 * visible `\xNN` or `\u{…}`: control characters, bytes that are no UTF-8, bidirectional marks, joiners, tags, fillers.
 * Against: code that a reviewer cannot see, or sees in another order than the evaluator. Leaves out: letters that look
 * like others.
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Printable ASCII and tabs: most lines of most files. */
const PLAIN = /^[\t\x20-\x7e]*$/;

/** One line, or a part of one. */
export function visible(bytes: Uint8Array): string {
  const ascii = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return PLAIN.test(ascii) ? ascii : decoded(bytes).replace(UNSEEN, spelled);
}

function spelled(char: string): string {
  const code = char.codePointAt(0)!;
  if (char === "\t") return char;
  return code < 0xa0 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** A line with a byte that is no UTF-8 is shown byte by byte: nobody knows what encoding it is in. */
function decoded(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`,
    ).join("");
  }
}
