/**
 * Members of a tar archive (POSIX.1-2017, pax: "ustar Interchange Format", "pax Interchange Format"), for the readers
 * that Nix uses (libarchive): bytes of names are kept as they are, whatever they spell.
 *
 * Leaves out owners, devices and hard links, and every size that 33 bits do not hold.
 */
import { FormatError } from "../bytes/error.ts";

export type TarMember = {
  /** Path in the archive, bytes, without a slash at its end. */
  readonly path: Uint8Array;
  /** Unix seconds; not before 1970. */
  readonly time: number;
} & (
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly executable: boolean; readonly size: number }
  | { readonly kind: "symlink"; readonly target: Uint8Array }
);

const BLOCK = 512;
/** Two empty blocks end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);
const MAX_OCTAL = 0o77777777777;
const NAME_BYTES = 100;

/** How many zero bytes follow a content of this size. */
export function tarPadding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** What stands before the content: one block, or three and more where a name is too long for it. */
export function tarHeader(member: TarMember): Uint8Array {
  const path = member.kind === "directory" ? concat(member.path, Uint8Array.of(0x2f)) : member.path;
  const target = member.kind === "symlink" ? member.target : new Uint8Array();
  if (path.some((byte) => byte === 0) || target.some((byte) => byte === 0))
    throw new FormatError("tar", "name", 0, "holds a NUL");
  const records = [
    ...(path.length > NAME_BYTES ? [record("path", path)] : []),
    ...(target.length > NAME_BYTES ? [record("linkpath", target)] : []),
    ...(member.time > MAX_OCTAL ? [record("mtime", ascii(String(member.time)))] : []),
  ];
  const fields = {
    name: path.subarray(0, NAME_BYTES),
    target: target.subarray(0, NAME_BYTES),
    mode: modeOf(member),
    size: member.kind === "file" ? member.size : 0,
    time: Math.min(member.time, MAX_OCTAL),
    type: TYPES[member.kind],
  };
  if (records.length === 0) return block(fields);
  // Bytes are no UTF-8 that a reader could convert.
  const extended = concat(record("hdrcharset", ascii("BINARY")), ...records);
  const head = {
    ...fields,
    name: ascii("pax"),
    target: new Uint8Array(),
    mode: 0o644,
    size: extended.length,
  };
  const padding = new Uint8Array(tarPadding(extended.length));
  return concat(block({ ...head, type: "x" }), extended, padding, block(fields));
}

const TYPES = { file: "0", symlink: "2", directory: "5" } as const;

function modeOf(member: TarMember): number {
  if (member.kind === "symlink") return 0o777;
  return member.kind === "directory" || member.executable ? 0o755 : 0o644;
}

interface Fields {
  readonly name: Uint8Array;
  readonly target: Uint8Array;
  readonly mode: number;
  readonly size: number;
  readonly time: number;
  readonly type: string;
}

/** "ustar Header Block": offsets and widths as there. */
function block({ name, target, mode, size, time, type }: Fields): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  bytes.set(name, 0);
  bytes.set(octal(mode, 8), 100);
  bytes.set(octal(0, 8), 108);
  bytes.set(octal(0, 8), 116);
  bytes.set(octal(size, 12), 124);
  bytes.set(octal(time, 12), 136);
  bytes.set(ascii("        "), 148);
  bytes.set(ascii(type), 156);
  bytes.set(target, 157);
  bytes.set(ascii("ustar\0" + "00"), 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.set(ascii(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}

/** Digits and a NUL. */
function octal(value: number, width: number): Uint8Array {
  const digits = value.toString(8).padStart(width - 1, "0");
  if (digits.length >= width || value < 0)
    throw new FormatError("tar", "number", 0, `${value} is over its field`);
  return ascii(`${digits}\0`);
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: Uint8Array): Uint8Array {
  const rest = ` ${key}=`.length + value.length + 1;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length++;
  return concat(ascii(`${length} ${key}=`), value, ascii("\n"));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
