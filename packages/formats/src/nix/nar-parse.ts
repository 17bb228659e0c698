/**
 * Reads a whole NAR held in memory, for comparing trees and checking vectors. Takes only the one NAR that
 * `NarWriter` would write for the tree: lengths within the input, padding of zeros, names sorted and allowed, no
 * more than 64 directories deep. A NAR on its way into the store need not be parsed: its hash decides.
 */
import { FormatError } from "../bytes/error.ts";
import { ByteReader } from "../bytes/reader.ts";
import { latin1 } from "../bytes/text.ts";
import {
  checkNarName,
  checkNarTarget,
  compareNarNames,
  NAR_MAX_DEPTH,
  NAR_MAX_NAME,
  NAR_MAX_TARGET,
  type NarEntry,
  type NarNode,
} from "./nar.ts";

/** A tree whose pieces are all there: views into the NAR. */
export type NarTree =
  | {
      readonly kind: "regular";
      readonly executable: boolean;
      readonly size: number;
      readonly content: readonly [Uint8Array];
    }
  | { readonly kind: "symlink"; readonly target: Uint8Array }
  | {
      readonly kind: "directory";
      readonly entries: readonly { readonly name: Uint8Array; readonly node: NarTree }[];
    };

const MAX_TAG = 32;

/** Throws `FormatError` unless the bytes are exactly one NAR. */
export function parseNar(bytes: Uint8Array): NarTree {
  const reader = new ByteReader(bytes, "nar");
  expectTag(reader, "nix-archive-1");
  const root = parseNode(reader, 0);
  reader.end("end");
  return root;
}

function parseNode(reader: ByteReader, depth: number): NarTree {
  expectTag(reader, "(");
  expectTag(reader, "type");
  const at = reader.offset;
  switch (readTag(reader, "type")) {
    case "regular":
      return parseRegular(reader);
    case "symlink":
      return parseSymlink(reader);
    case "directory":
      if (depth >= NAR_MAX_DEPTH) reader.fail("directory", `is more than ${NAR_MAX_DEPTH} deep`);
      return parseDirectory(reader, depth);
    default:
      return reader.fail("type", "is none of regular, symlink and directory", at);
  }
}

function parseRegular(reader: ByteReader): NarTree {
  let at = reader.offset;
  let tag = readTag(reader, "contents");
  const executable = tag === "executable";
  if (executable) {
    readString(reader, "executable", 0);
    at = reader.offset;
    tag = readTag(reader, "contents");
  }
  if (tag !== "contents") reader.fail("contents", "is missing", at);
  const content = readString(reader, "contents", reader.bytes.length);
  expectTag(reader, ")");
  return { kind: "regular", executable, size: content.length, content: [content] };
}

function parseSymlink(reader: ByteReader): NarTree {
  expectTag(reader, "target");
  const at = reader.offset;
  const target = readString(reader, "target", NAR_MAX_TARGET);
  checkNarTarget(target, at);
  expectTag(reader, ")");
  return { kind: "symlink", target };
}

function parseDirectory(reader: ByteReader, depth: number): NarTree {
  const entries: { name: Uint8Array; node: NarTree }[] = [];
  for (;;) {
    const at = reader.offset;
    const tag = readTag(reader, "entry");
    if (tag === ")") return { kind: "directory", entries };
    if (tag !== "entry") reader.fail("entry", "is neither an entry nor the end of the directory", at);
    expectTag(reader, "(");
    const name = parseName(reader, entries.at(-1)?.name);
    expectTag(reader, "node");
    entries.push({ name, node: parseNode(reader, depth + 1) });
    expectTag(reader, ")");
  }
}

/** Names that climb out, or that come twice and so overwrite a file through a link, are how archives attack. */
function parseName(reader: ByteReader, last: Uint8Array | undefined): Uint8Array {
  expectTag(reader, "name");
  const at = reader.offset;
  const name = readString(reader, "name", NAR_MAX_NAME);
  checkNarName(name, at);
  if (last && compareNarNames(last, name) >= 0) reader.fail("name", "is not behind the one before it", at);
  return name;
}

function expectTag(reader: ByteReader, tag: string): void {
  const at = reader.offset;
  if (readTag(reader, tag) !== tag) reader.fail(tag, "is missing", at);
}

function readTag(reader: ByteReader, field: string): string {
  return latin1(readString(reader, field, MAX_TAG));
}

function readString(reader: ByteReader, field: string, max: number): Uint8Array {
  const at = reader.offset;
  const length = readLength(reader, field);
  if (length > max) reader.fail(field, `is ${length} bytes, over ${max}`, at);
  const bytes = reader.take(length, field);
  // Padding is hashed but not stored: other bytes there would give one tree two hashes.
  if (reader.take(-length & 7, field).some((byte) => byte !== 0)) {
    throw new FormatError("nar", field, reader.offset, "is padded with something other than zeros");
  }
  return bytes;
}

function readLength(reader: ByteReader, field: string): number {
  const at = reader.offset;
  const b = reader.take(8, field);
  const view = new DataView(b.buffer, b.byteOffset, 8);
  if (view.getUint32(4, true) !== 0) reader.fail(field, "is 4 GiB or longer", at);
  return view.getUint32(0, true);
}

/** One difference between two trees, at a path of names joined by `/`, as byte strings. */
export interface NarDifference {
  readonly path: string;
  readonly problem: "only in the first" | "only in the second" | "kind" | "executable" | "content" | "target";
}

/** Where two trees differ, in order of path. */
export function diffNars(a: NarNode, b: NarNode, path = ""): NarDifference[] {
  if (a.kind === "regular" && b.kind === "regular") {
    if (a.executable !== b.executable) return [{ path, problem: "executable" }];
    const same = a.size === b.size && Buffer.concat([...a.content]).equals(Buffer.concat([...b.content]));
    return same ? [] : [{ path, problem: "content" }];
  }
  if (a.kind === "symlink" && b.kind === "symlink") {
    return compareNarNames(a.target, b.target) === 0 ? [] : [{ path, problem: "target" }];
  }
  if (a.kind === "directory" && b.kind === "directory") return diffDirectories(a.entries, b.entries, path);
  return [{ path, problem: "kind" }];
}

function diffDirectories(a: Iterable<NarEntry>, b: Iterable<NarEntry>, path: string): NarDifference[] {
  const left = byName(a);
  const right = byName(b);
  return [...new Set([...left.keys(), ...right.keys()])].sort().flatMap((name): NarDifference[] => {
    const at = path === "" ? name : `${path}/${name}`;
    const [x, y] = [left.get(name), right.get(name)];
    if (!x) return [{ path: at, problem: "only in the second" }];
    return y ? diffNars(x, y, at) : [{ path: at, problem: "only in the first" }];
  });
}

function byName(entries: Iterable<NarEntry>): Map<string, NarNode> {
  return new Map([...entries].map(({ name, node }) => [latin1(name), node]));
}
