/**
 * What compressed bytes hold, within limits. Which format they are in their own first bytes say.
 *
 * Claims: one stream is read from the first byte to the last (one-stream.ts), so that each reader finds the same in it.
 * bzip2 alone may have several: pbzip2 writes releases so, and all readers join them. Against: a few kilobytes that
 * become a disk full, and bytes behind a stream. zlib and zstd are asked in process, bzip2 and xz are programs that are
 * ended once they print too much. Leaves out whether the bytes are the right ones: a hash or a signature decides.
 */
import { promisify } from "node:util";
import { crc32, inflateRaw, type Zlib, zstdDecompress } from "node:zlib";
import { ProcessError, run } from "../process/run.ts";
import { checkOneXzStream, checkOneZstdFrame, gzipHeaderLength } from "./one-stream.ts";
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
export async function uncompress(given: Uint8Array): Promise<Buffer> {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  const compression = compressionOf(bytes);
  const limit = Math.min(MAX_UNCOMPRESSED, Math.max(ALWAYS_ALLOWED, bytes.length * MAX_RATIO));
  switch (compression) {
    case undefined:
      return bytes;
    case "gzip":
      return inProcess(gunzipped(bytes, limit), limit);
    case "zstd":
      checkOneZstdFrame(bytes);
      return inProcess(promisify(zstdDecompress)(bytes, { maxOutputLength: limit }), limit);
    case "xz":
      checkOneXzStream(bytes);
      return byProgram("xz", XZ_ARGS, bytes, limit);
    case "bzip2":
      return byProgram("bzip2", ["--decompress", "--stdout"], bytes, limit);
  }
}

const XZ_ARGS = ["--decompress", "--stdout", "--memlimit-decompress=1GiB", "--threads=1"];

/** The member's parts, one after the other: only so zlib says where the compressed data ends. */
async function gunzipped(bytes: Buffer, limit: number): Promise<Buffer> {
  const start = gzipHeaderLength(bytes);
  const { buffer, engine } = await inflated(bytes.subarray(start), limit);
  const end = start + engine.bytesWritten;
  if (end + 8 !== bytes.length) throw new ArchiveRefused("it is not one gzip member");
  if (bytes.readUInt32LE(end) !== crc32(buffer) || bytes.readUInt32LE(end + 4) !== buffer.length % 2 ** 32)
    throw new ArchiveRefused("its gzip checksum or size is wrong");
  return buffer;
}

function inflated(
  bytes: Buffer,
  limit: number,
): Promise<{ buffer: Buffer; engine: Zlib & { bytesWritten: number } }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    buffer: Buffer;
    engine: Zlib & { bytesWritten: number };
  }>();
  // With `info` the answer is both, which Node.js's types do not say.
  inflateRaw(bytes, { maxOutputLength: limit, info: true }, (error, answer) => {
    if (error) reject(error);
    else resolve(answer as unknown as { buffer: Buffer; engine: Zlib & { bytesWritten: number } });
  });
  return promise;
}

async function inProcess(work: Promise<Buffer>, limit: number): Promise<Buffer> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ArchiveRefused) throw error;
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
    // A program that warns has passed over something, such as bytes behind the end.
    if (code === 0 && stderr === "") return stdout;
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
