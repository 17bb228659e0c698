import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A text vector: header lines `key: value`, a blank line, then blocks that each open with a line
 * `--- name (text|hex|base64)`. The rules are in vectors/README.md.
 */
export interface Vector {
  readonly file: string;
  /** What the case claims: `valid`, or the code of the refusal. */
  readonly expect: string;
  readonly header: ReadonlyMap<string, string>;
  readonly blocks: ReadonlyMap<string, Uint8Array>;
}

/** Every vector below `vectors/<area>`, sorted by name. Throws where a file breaks the format. */
export function readVectors(area: string): Vector[] {
  const dir = join(import.meta.dirname, "../../vectors", area);
  return readdirSync(dir)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .map((name) => parseVector(`${area}/${name}`, readFileSync(join(dir, name), "utf8")));
}

export function parseVector(file: string, text: string): Vector {
  const split = text.indexOf("\n\n");
  if (split < 0) throw new Error(`${file}: no blank line after the header`);
  const header = new Map<string, string>();
  for (const line of text.slice(0, split).split("\n")) {
    const colon = line.indexOf(": ");
    if (colon < 0) throw new Error(`${file}: header line without a colon: ${line}`);
    header.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const expect = header.get("expect");
  if (expect === undefined) throw new Error(`${file}: no expect: line`);
  return { file, expect, header, blocks: parseBlocks(file, text.slice(split + 2)) };
}

function parseBlocks(file: string, body: string): Map<string, Uint8Array> {
  const blocks = new Map<string, Uint8Array>();
  const opening = /^--- (\S+) \((text|hex|base64)\)\n/gm;
  const marks = [...body.matchAll(opening)];
  if (marks[0]?.index !== 0) throw new Error(`${file}: the body must open with a block line`);
  marks.forEach((mark, i) => {
    const content = body.slice(mark.index + mark[0].length, marks[i + 1]?.index ?? body.length);
    blocks.set(mark[1]!, decodeBlock(mark[2]!, content));
  });
  return blocks;
}

function decodeBlock(encoding: string, content: string): Uint8Array {
  if (encoding === "text") return Buffer.from(content, "utf8");
  return Buffer.from(content.replace(/\s+/g, ""), encoding as "hex" | "base64");
}
