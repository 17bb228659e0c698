/**
 * What compressed bytes hold, within limits. Which format they are in their own first bytes say.
 *
 * Against: a few kilobytes that become a disk full. zlib and zstd are asked in process, bzip2 and xz are programs that
 * are ended once they print too much. Leaves out whether the bytes are the right ones: a hash or a signature decides.
 */
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { ProcessError, run } from "../process/run.ts";
import { ArchiveRefused } from "./refused.ts";

/** Most bytes that come out. */
export const MAX_UNCOMPRESSED = 2 ** 31;
/** So many times the compressed size, or this many bytes, whichever is more. */
const MAX_RATIO = 300;
const ALWAYS_ALLOWED = 64 << 20;
const TIMEOUT_MS = 600_000;

export type Compression = "gzip" | "xz" | "bzip2" | "zstd";

const MAGIC: readonly (readonly [Compression, string])[] = [
  ["gzip", "1f8b08"],
  ["xz", "fd377a585a00"],
  ["bzip2", "425a68"],
  ["zstd", "28b52ffd"],
];

/** Undefined: in none that is known. */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  const start = Buffer.from(bytes.subarray(0, 6)).toString("hex");
  return MAGIC.find(([, magic]) => start.startsWith(magic))?.[0];
}

/** The same bytes where they are not compressed. Throws `ArchiveRefused`. */
export async function uncompress(bytes: Uint8Array): Promise<Buffer> {
  const compression = compressionOf(bytes);
  const limit = Math.min(MAX_UNCOMPRESSED, Math.max(ALWAYS_ALLOWED, bytes.length * MAX_RATIO));
  switch (compression) {
    case undefined:
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    case "gzip":
      return inProcess(promisify(gunzip)(bytes, { maxOutputLength: limit }), limit);
    case "zstd":
      return inProcess(promisify(zstdDecompress)(bytes, { maxOutputLength: limit }), limit);
    case "xz":
      return byProgram(
        "xz",
        ["--decompress", "--stdout", "--memlimit-decompress=1GiB", "--threads=1"],
        bytes,
        limit,
      );
    case "bzip2":
      return byProgram("bzip2", ["--decompress", "--stdout"], bytes, limit);
  }
}

async function inProcess(work: Promise<Buffer>, limit: number): Promise<Buffer> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") tooMuch(limit);
    throw new ArchiveRefused(`it cannot be decompressed: ${error instanceof Error ? error.message : error}`);
  }
}

async function byProgram(
  program: string,
  args: readonly string[],
  input: Uint8Array,
  maxBytes: number,
): Promise<Buffer> {
  try {
    const { code, stdout, stderr } = await run(program, args, { input, maxBytes, timeoutMs: TIMEOUT_MS });
    if (code === 0) return stdout;
    throw new ArchiveRefused(`it cannot be decompressed: ${stderr.trim().split("\n")[0] ?? program}`);
  } catch (error) {
    if (error instanceof ProcessError && error.message.includes("printed more")) tooMuch(maxBytes);
    if (error instanceof ProcessError)
      throw new ArchiveRefused(`it cannot be decompressed: ${error.message}`);
    throw error;
  }
}

function tooMuch(limit: number): never {
  throw new ArchiveRefused(`it decompresses to over ${limit} bytes`);
}
