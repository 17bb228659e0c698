/** Archives put together, and compressed in ways that programs join, cut or refuse. */
import { execFileSync } from "node:child_process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Random } from "../fuzz.ts";
import { type Member, taken } from "./members.ts";

export function joined(members: readonly Member[], end: Buffer): Buffer {
  return Buffer.concat([...members.flatMap(({ header, content }) => [header, content]), end]);
}

const PACKERS: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => gzipSync(bytes),
  (bytes) => zstdCompressSync(bytes),
  (bytes) => program("xz", bytes),
  (bytes) => program("bzip2", bytes),
];

function program(name: string, bytes: Buffer): Buffer {
  return execFileSync(name, ["--compress", "--stdout"], { input: bytes });
}

/** Plain, in two streams, with an empty stream, or with something behind. */
export function packed(archive: Buffer, random: Random): Buffer {
  const pack = taken(PACKERS, random);
  const half = Math.floor(archive.length / 2);
  const behind = [Buffer.from("garbage"), Buffer.alloc(16), pack(Buffer.from("more")), archive];
  switch (Math.floor(random() * 6)) {
    case 0:
      return Buffer.concat([pack(archive.subarray(0, half)), pack(archive.subarray(half))]);
    case 1:
      return Buffer.concat([pack(Buffer.alloc(0)), pack(archive)]);
    case 2:
      return Buffer.concat([pack(archive), taken(behind, random)]);
    case 3:
      return pack(pack(archive));
    default:
      return pack(archive);
  }
}
