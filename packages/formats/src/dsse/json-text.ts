import { FormatError, type FormatName } from "../bytes/error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** JSON text from at most `limit` bytes of UTF-8; a byte order mark is left in for the reader to refuse. */
export function decodeJsonText(bytes: Uint8Array, format: FormatName, limit: number): string {
  if (bytes.length > limit) {
    throw new FormatError(format, "input", limit, `has ${bytes.length} bytes, over the limit of ${limit}`);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FormatError(format, "input", 0, "is not UTF-8");
  }
}
