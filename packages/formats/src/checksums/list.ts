/**
 * Lists of checksums: `SHA256SUMS` as coreutils writes it, `DIGEST  NAME`, or in BSD's form, `SHA256 (NAME) = DIGEST`.
 *
 * Claims: one reading of each list, and one digest for each name in it. Against: a list that names a file twice, so
 * that two readers take two different lines; names that climb out of a directory. Leaves out: who signed the list, and
 * digests of fewer than 256 bits: with a line of these a list is refused.
 */
import { FormatError } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";

export type ListedAlgorithm = "sha256" | "sha512";

export interface ListedFile {
  /** As it is listed, without `./` in front. Latin-1, one character a byte. */
  readonly name: string;
  readonly algorithm: ListedAlgorithm;
  /** Lower-case hex. */
  readonly digest: string;
}

/** Largest list, in bytes: in a statement it is carried whole. */
export const MAX_LIST = 192 << 10;
/** Longest path, in bytes. */
const MAX_NAME = 1024;

const COREUTILS = /^([0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *]([^\\].*)$/s;
const BSD = /^SHA(256|512) \((.+)\) = ([0-9a-fA-F]+)$/s;

/** Reads a list. Throws `FormatError` where any line is none, or two lines contradict each other. */
export function parseChecksumList(bytes: Uint8Array): ListedFile[] {
  if (bytes.length > MAX_LIST) fail(0, `has over ${MAX_LIST} bytes`);
  const lines = latin1(bytes).split("\n");
  if (lines.pop() !== "") fail(bytes.length, "does not end with a line feed");
  if (lines.length === 0) fail(0, "is empty");
  const known = new Map<string, ListedFile>();
  lines.forEach((line, i) => {
    const file = readLine(line, i + 1);
    const key = `${file.algorithm} ${file.name}`;
    const other = known.get(key);
    if (other && other.digest !== file.digest) fail(i + 1, "names a file a second time, with another digest");
    known.set(key, file);
  });
  return [...known.values()];
}

/**
 * What a list says of a file by this name, in whichever directory of the list. Throws `FormatError` where it says two
 * things, in two directories: which of them is meant nobody knows.
 */
export function listedAs(list: readonly ListedFile[], name: string): ListedFile[] {
  const found = list.filter((file) => file.name === name || file.name.endsWith(`/${name}`));
  for (const { algorithm } of found) {
    const digests = new Set(found.filter((file) => file.algorithm === algorithm).map(({ digest }) => digest));
    if (digests.size > 1) fail(0, "names the file in several directories, with different digests");
  }
  return found;
}

function readLine(line: string, number: number): ListedFile {
  const plain = COREUTILS.exec(line);
  if (plain) {
    const algorithm = plain[1]!.length === 64 ? "sha256" : "sha512";
    return { algorithm, name: checkName(plain[2]!, number), digest: plain[1]!.toLowerCase() };
  }
  const [, bits, name, digest] = BSD.exec(line) ?? [];
  if (name === undefined || digest?.length !== Number(bits) / 4)
    fail(number, "has a line that is no SHA-256 or SHA-512 of a file");
  const algorithm = bits === "256" ? "sha256" : "sha512";
  return { algorithm, name: checkName(name, number), digest: digest.toLowerCase() };
}

function checkName(listed: string, line: number): string {
  const name = listed.replace(/^(?:\.\/)+/, "");
  const parts = name.split("/");
  const odd = parts.some((part) => part === "" || part === "." || part === "..");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
  if (odd || name.length > MAX_NAME || /[\x00-\x1f\x7f]/.test(name))
    fail(line, "has a name that is no plain path");
  return name;
}

function fail(line: number, problem: string): never {
  throw new FormatError("checksum list", "line", line, problem);
}
