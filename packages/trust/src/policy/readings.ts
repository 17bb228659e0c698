/**
 * Root's list of what a key signed before it was retired: SHA-256 of statements in hex, a line each.
 *
 * Claims: one list has one spelling, sorted, each once. Against: a list in which a reader of the rules overlooks a line.
 */
import { latin1 } from "@firstmile/formats/bytes/text";

/** As many statements as a decision reads. */
const MAX_LINES = 50_000;

/** The digests; or, as a string, what is wrong with the list. */
export function parseReadings(bytes: Uint8Array): readonly string[] | string {
  const text = latin1(bytes);
  if (text === "") return [];
  if (!text.endsWith("\n")) return "does not end with a line feed";
  const lines = text.slice(0, -1).split("\n");
  if (lines.length > MAX_LINES) return `has ${lines.length} lines, over ${MAX_LINES}`;
  const odd = lines.findIndex((line) => !/^[0-9a-f]{64}$/.test(line));
  if (odd >= 0) return `line ${odd + 1} is not 64 hexadecimal digits in lower case`;
  const unsorted = lines.findIndex((line, i) => i > 0 && lines[i - 1]! >= line);
  return unsorted < 0 ? lines : `line ${unsorted + 1} is not sorted behind the one before it, each once`;
}

/** As `parseReadings` reads it. */
export function renderReadings(digests: Iterable<string>): string {
  return [...new Set(digests)]
    .sort()
    .map((one) => `${one}\n`)
    .join("");
}
