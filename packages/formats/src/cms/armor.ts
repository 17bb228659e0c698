/**
 * The text around an X.509 signature of Git (`gpg.format = x509`): PEM with the label that gitsign and smimesign
 * write, RFC 7468.
 *
 * Claims: one block, nothing before or behind it but line breaks, no headers, base64 without leniency. Against: a
 * second block or a header that another reader would take for the signature.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeBase64, latin1 } from "../bytes/text.ts";
import { CMS } from "./format-names.ts";

export const SIGNED_MESSAGE_BEGIN = "-----BEGIN SIGNED MESSAGE-----";
const SIGNED_MESSAGE_END = "-----END SIGNED MESSAGE-----";

/** Largest armored signature in bytes: gitsign's are 4 KiB with a log entry inside. */
export const MAX_SIGNED_MESSAGE = 64 * 1024;

/** The DER inside a `SIGNED MESSAGE` block. Throws `FormatError`. */
export function decodeSignedMessage(armored: Uint8Array): Uint8Array {
  if (armored.length > MAX_SIGNED_MESSAGE) {
    throw new FormatError(CMS, "armor", 0, `is longer than ${MAX_SIGNED_MESSAGE} bytes`);
  }
  const lines = latin1(armored)
    .split("\n")
    .map((line) => line.replace(/\r$/, ""));
  while (lines.at(-1) === "") lines.pop();
  if (lines[0] !== SIGNED_MESSAGE_BEGIN) throw new FormatError(CMS, "armor header line", 0, "is missing");
  if (lines.at(-1) !== SIGNED_MESSAGE_END) {
    throw new FormatError(CMS, "armor tail line", armored.length, "is missing");
  }
  const body = lines.slice(1, -1);
  if (body.length === 0) throw new FormatError(CMS, "armor body", lines[0].length, "is empty");
  return decodeBody(body);
}

/** Lines of one width, the last one shorter or as long (RFC 7468 section 2). */
function decodeBody(body: readonly string[]): Uint8Array {
  const width = body[0]!.length;
  const even = body.slice(0, -1).every((line) => line.length === width) && body.at(-1)!.length <= width;
  if (!even) throw new FormatError(CMS, "armor body", 0, "has lines of several widths");
  try {
    return decodeBase64(body.join(""));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(CMS, "armor body", error.offset, "is not strict base64");
  }
}
