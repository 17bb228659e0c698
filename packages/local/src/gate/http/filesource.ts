/** A NAR in a binary cache on this machine's disk (`file://`). */
import type { FileHandle } from "node:fs/promises";
import { openRegular } from "./outgoing.ts";
import { PieceBuffers } from "./piecebuffers.ts";
import type { ByteSource, SourceRequest } from "./source.ts";
import { TransferError } from "./transfer.ts";

/** Opens a file URL. Throws TransferError, or what the file system throws. */
export async function openFileSource(url: URL, request: SourceRequest): Promise<ByteSource> {
  const file = await openRegular(url);
  const { size } = await file.stat();
  const first = request.range?.first ?? 0;
  const last = Math.min(request.range?.last ?? size - 1, size - 1);
  const partial = request.range !== undefined && first < size;
  if (!partial) return new FileSource(file, 200, 0, size, undefined);
  return new FileSource(file, 206, first, last - first + 1, `bytes ${first}-${last}/${size}`);
}

class FileSource implements ByteSource {
  readonly status: number;
  readonly length: number;
  readonly contentRange: string | undefined;
  readonly #file: FileHandle;
  readonly #buffers: PieceBuffers;
  #position: number;
  #left: number;

  constructor(
    file: FileHandle,
    status: number,
    first: number,
    length: number,
    contentRange: string | undefined,
  ) {
    this.status = status;
    this.length = length;
    this.contentRange = contentRange;
    this.#file = file;
    this.#buffers = new PieceBuffers(length);
    this.#position = first;
    this.#left = length;
  }

  async read(): Promise<Buffer | undefined> {
    if (this.#left === 0) return undefined;
    const buffer = this.#buffers.next();
    const length = Math.min(buffer.length, this.#left);
    const { bytesRead } = await this.#file.read(buffer, 0, length, this.#position);
    if (bytesRead === 0) throw new TransferError("upstream-truncated", "the file shrank while it was read");
    this.#position += bytesRead;
    this.#left -= bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  close() {
    void this.#file.close().catch(() => {});
  }
}
