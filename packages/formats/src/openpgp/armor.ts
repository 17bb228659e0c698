/**
 * ASCII armor (RFC 9580 section 6).
 *
 * Claims: one text has one reading. Against: a file that shows a person one block and a lax reader another, so
 * nothing but blank lines may stand around the blocks of a signature, a block of another label is a refusal, and
 * base64 is read without leniency. Around public keys text is common (`gpg --list-keys` output) and decides
 * nothing, so a caller may allow it.
 * Leaves out: cleartext-signed messages, multi-part armor.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeBase64, encodeBase64, encodeUtf8, latin1 } from "../bytes/text.ts";
import { crc24 } from "./crc24.ts";

/** What follows `-----BEGIN PGP `. */
export type ArmorLabel = "PUBLIC KEY BLOCK" | "SIGNATURE";

export interface ArmorOptions {
  /** Whether lines of text may stand before, between and after the blocks. */
  readonly surroundingText: boolean;
}

const BEGIN = "-----BEGIN PGP ";
const DASHES = "-----";

/** Whether the bytes are text with an armor header line, rather than packets: every packet opens above 0x7f. */
export function isArmored(bytes: Uint8Array): boolean {
  return (bytes[0] ?? 0) < 0x80;
}

/**
 * The contents of each armored block, in order; at least one. CRC-24 footers are optional and must agree where
 * present: RFC 9580 section 6.1 would have a reader go on, but a file that was damaged on its way is better named
 * as that than as a bad signature.
 */
export function decodeArmor(bytes: Uint8Array, label: ArmorLabel, options: ArmorOptions): Uint8Array[] {
  const lines = new Lines(latin1(bytes));
  const blocks: Uint8Array[] = [];
  while (lines.next()) {
    if (lines.line.startsWith(BEGIN)) blocks.push(readBlock(lines, label));
    else if (lines.line !== "" && !options.surroundingText) lines.fail("armor", "text outside a block");
  }
  if (blocks.length === 0) lines.fail("armor header line", "there is none");
  return blocks;
}

/** An armored block with LF line ends and without a CRC, which RFC 9580 section 6.1 advises against writing. */
export function encodeArmor(bytes: Uint8Array, label: ArmorLabel): Uint8Array {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return encodeUtf8(`${BEGIN}${label}-----\n\n${lines.join("\n")}\n-----END PGP ${label}-----\n`);
}

function readBlock(lines: Lines, label: ArmorLabel): Uint8Array {
  if (lines.line !== `${BEGIN}${label}-----`) lines.fail("armor header line", `is not of a ${label}`);
  skipHeaders(lines);
  const { text, start, footer } = readBody(lines, label);
  const content = decodeBody(text, start);
  if (footer !== undefined) checkCrc(lines, content, footer);
  return content;
}

/** `Key: Value` lines up to the blank line (RFC 9580 section 6.2.2). Their values decide nothing. */
function skipHeaders(lines: Lines): void {
  while (lines.next()) {
    if (lines.line === "") return;
    if (!/^[!-9;-~]{1,64}:( |$)/.test(lines.line)) lines.fail("armor header", "is not `Key: Value`");
  }
  lines.fail("armor header", "the input ends before the blank line");
}

function readBody(lines: Lines, label: ArmorLabel) {
  let text = "";
  let footer: string | undefined;
  const start = lines.following;
  while (lines.next()) {
    if (lines.line.startsWith(DASHES)) {
      if (lines.line !== `-----END PGP ${label}-----`)
        lines.fail("armor tail line", "does not match the header line");
      return { text, start, footer };
    }
    if (footer !== undefined) lines.fail("armor tail line", "does not follow the checksum");
    if (lines.line.startsWith("=")) footer = lines.line.slice(1);
    else text += lines.line;
  }
  return lines.fail("armor tail line", "is missing");
}

function decodeBody(text: string, start: number): Uint8Array {
  if (text === "") throw new FormatError("openpgp", "armor body", start, "is empty");
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError("openpgp", "armor body", start + error.offset, "is not strict base64");
  }
}

function checkCrc(lines: Lines, content: Uint8Array, footer: string): void {
  const sum = crc24(content);
  if (footer !== encodeBase64(Uint8Array.of(sum >> 16, sum >> 8, sum))) {
    lines.fail("armor checksum", "does not match the contents");
  }
}

/** Lines ended by LF or CR LF, without the white space at their end (RFC 9580 section 6.2 lets it be there). */
class Lines {
  readonly #text: string;
  /** Where the line after this one starts. */
  following = 0;
  line = "";
  #start = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): boolean {
    if (this.following >= this.#text.length) return false;
    this.#start = this.following;
    const end = this.#text.indexOf("\n", this.#start);
    const stop = end < 0 ? this.#text.length : end;
    this.following = stop + 1;
    this.line = this.#text.slice(this.#start, stop).trimEnd();
    return true;
  }

  fail(field: string, problem: string): never {
    throw new FormatError("openpgp", field, this.#start, problem);
  }
}
