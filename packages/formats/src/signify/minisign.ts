/**
 * `.minisig` files: four lines, of which the third is a comment that the fourth signs together with the signature.
 *
 * Claims: one reading of each file; nothing stands behind the fourth line. The first comment is nobody's word, and is
 * not handed on. Leaves out: whether either signature is true.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeLine, type KeyNumber } from "./key.ts";
import { readLine, readSignatureLines } from "./signature.ts";

export interface MinisignSignature {
  readonly number: KeyNumber;
  /** Whether it is over the BLAKE2b-512 of the file (`ED`), and not over the file itself (`Ed`). */
  readonly prehashed: boolean;
  /** 64 bytes, R and S. */
  readonly signature: Uint8Array;
  /** Latin-1, one character a byte. */
  readonly trustedComment: string;
  /** 64 bytes, over the signature and the trusted comment. */
  readonly globalSignature: Uint8Array;
}

/** Longest trusted comment, in bytes, as minisign has it. */
const MAX_TRUSTED_COMMENT = 8192;
const TRUSTED = "trusted comment: ";

/** Throws `FormatError`. */
export function parseMinisign(bytes: Uint8Array): MinisignSignature {
  const { algorithm, number, signature, end } = readSignatureLines(bytes, "minisign");
  if (algorithm !== "Ed" && algorithm !== "ED")
    throw new FormatError("minisign", "signature", 0, "is of an unknown algorithm");
  const comment = readLine(bytes, end, MAX_TRUSTED_COMMENT + TRUSTED.length, "trusted comment", "minisign");
  if (!comment.text.startsWith(TRUSTED))
    throw new FormatError("minisign", "trusted comment", end, "does not begin `trusted comment: `");
  const global = readLine(bytes, comment.end, 100, "global signature", "minisign");
  if (global.end !== bytes.length)
    throw new FormatError("minisign", "global signature", global.end, "has something behind it");
  return {
    number,
    prehashed: algorithm === "ED",
    signature,
    trustedComment: comment.text.slice(TRUSTED.length),
    globalSignature: decodeLine(global.text, 64, "global signature", "minisign"),
  };
}

/** The file that a trusted comment names, as minisign itself writes it there; undefined where it names none. */
export function namedFile({ trustedComment }: Pick<MinisignSignature, "trustedComment">): string | undefined {
  return trustedComment
    .split("\t")
    .find((part) => part.startsWith("file:"))
    ?.slice("file:".length);
}
