/**
 * Reads the tar archives that `git archive` writes: ustar with pax headers for long names. Nothing else: no sparse
 * files, no hard links, no GNU extensions. What is read here is compared with the commit's objects afterwards.
 */

export type TarEntry =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly target: Uint8Array }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly executable: boolean;
      readonly content: Uint8Array;
    };

/** An archive that is not one of Git's. */
export class TarError extends Error {
  constructor(offset: number, problem: string) {
    super(`git archive: at ${offset}: ${problem}`);
    this.name = "TarError";
  }
}

const BLOCK = 512;

/** Entries in order; paths as byte strings, without a slash at the end. Throws `TarError`. */
export function* tarEntries(archive: Buffer): Generator<TarEntry> {
  let pax: ReadonlyMap<string, string> = new Map();
  for (let at = 0; ; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.length < BLOCK) throw new TarError(at, "ends too early");
    if (header.every((byte) => byte === 0)) return;
    const type = String.fromCharCode(header[156]!);
    const size = octal(header, 124, 12, at);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new TarError(at, "ends inside a file");
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === "g") continue;
    if (type === "x") {
      pax = paxRecords(content, at);
      continue;
    }
    yield entryOf(header, type, content, pax, at);
    pax = new Map();
  }
}

function entryOf(
  header: Buffer,
  type: string,
  content: Buffer,
  pax: ReadonlyMap<string, string>,
  at: number,
): TarEntry {
  if (pax.has("size")) throw new TarError(at, "holds a file of 8 GiB or more");
  const prefix = field(header, 345, 155);
  const path = (pax.get("path") ?? (prefix && `${prefix}/`) + field(header, 0, 100)).replace(/\/$/, "");
  switch (type) {
    case "5":
      return { kind: "directory", path };
    case "2":
      return {
        kind: "symlink",
        path,
        target: Buffer.from(pax.get("linkpath") ?? field(header, 157, 100), "latin1"),
      };
    case "0":
      return { kind: "file", path, executable: (octal(header, 100, 8, at) & 0o100) !== 0, content };
    default:
      throw new TarError(at, `has an entry of type ${JSON.stringify(type)}`);
  }
}

function field(header: Buffer, start: number, length: number): string {
  const text = header.toString("latin1", start, start + length);
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

function octal(header: Buffer, start: number, length: number, at: number): number {
  const digits = field(header, start, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new TarError(at, "has a number that is not octal");
  return Number.parseInt(digits, 8);
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function paxRecords(content: Buffer, offset: number): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const match = /^(\d{1,9}) ([^=]+)=/.exec(content.toString("latin1", at, at + 64));
    const length = Number(match?.[1]);
    if (!match || length <= match[0].length || content[at + length - 1] !== 0x0a)
      throw new TarError(offset, "has an extended header that cannot be read");
    records.set(match[2]!, content.toString("latin1", at + match[0].length, at + length - 1));
    at += length;
  }
  return records;
}
