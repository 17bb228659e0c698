/**
 * A large NAR from an http cache in the plainest framing there is: one GET on its own connection, answered with 200
 * or 206 and a Content-Length. Reads straight into large buffers, at twice the throughput of a general HTTP client.
 * Against an upstream that means to confuse framing: whatever is not exactly that form is not interpreted here; the
 * connection is dropped and the general client asks again. Leaves out https, redirects and chunked bodies.
 */
import { connect, type Socket } from "node:net";
import { PieceBuffers } from "./piecebuffers.ts";
import { renderRange } from "./range.ts";
import type { ByteSource, SourceRequest } from "./source.ts";
import { TransferError } from "./transfer.ts";

const MAX_HEAD_BYTES = 16_384;

/**
 * Asks `url`, which must be http; undefined where the answer is not of the plain form. Throws what the connection
 * throws.
 */
export async function openPlainSource(url: URL, request: SourceRequest): Promise<ByteSource | undefined> {
  const pieces = new SocketPieces(url, request);
  try {
    const head = await readHead(pieces);
    if (head !== undefined) return new PlainSource(pieces, head);
  } catch (error) {
    pieces.close();
    throw error;
  }
  pieces.close();
  return undefined;
}

class PlainSource implements ByteSource {
  readonly status: number;
  readonly length: number;
  readonly contentRange: string | undefined;
  readonly #pieces: SocketPieces;
  #left: number;
  #first: Buffer | undefined;

  constructor(pieces: SocketPieces, head: PlainHead) {
    this.status = head.status;
    this.length = head.length;
    this.contentRange = head.contentRange;
    this.#pieces = pieces;
    this.#left = head.length;
    this.#first = head.rest.length === 0 ? undefined : head.rest;
  }

  async read(): Promise<Buffer | undefined> {
    if (this.#left === 0) return undefined;
    const piece = this.#first ?? (await this.#pieces.read());
    this.#first = undefined;
    if (piece === undefined)
      throw new TransferError("upstream-truncated", "the upstream broke off in the body");
    // Bytes after the announced length are no part of the message (RFC 9112, section 6.3).
    const body = piece.length > this.#left ? piece.subarray(0, this.#left) : piece;
    this.#left -= body.length;
    return body;
  }

  close() {
    this.#pieces.close();
  }
}

interface PlainHead {
  readonly status: number;
  readonly length: number;
  readonly contentRange: string | undefined;
  /** Body bytes that came with the head. */
  readonly rest: Buffer;
}

async function readHead(pieces: SocketPieces): Promise<PlainHead | undefined> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const piece = await pieces.read();
    if (piece === undefined) return undefined;
    bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end > MAX_HEAD_BYTES || (end < 0 && bytes.length > MAX_HEAD_BYTES)) return undefined;
    if (end >= 0) return parsePlainHead(bytes.toString("latin1", 0, end), bytes.subarray(end + 4));
    // The buffer is about to be used again.
    bytes = Buffer.from(bytes);
  }
}

/** Reads the head of a plain answer; undefined where it holds anything whose meaning needs a real HTTP parser. */
export function parsePlainHead(head: string, rest: Buffer = Buffer.alloc(0)): PlainHead | undefined {
  const [statusLine, ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (200|206)(?: |$)/.exec(statusLine!)?.[1];
  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
    if (field === null) return undefined;
    const name = field[1]!.toLowerCase();
    // Two lengths, or a length and a coding, are how responses are smuggled (RFC 9112, section 11.2).
    if (headers.has(name) && /^(content|transfer)-/.test(name)) return undefined;
    headers.set(name, field[2]!);
  }
  const length = /^\d{1,15}$/.exec(headers.get("content-length") ?? "")?.[0];
  if (status === undefined || length === undefined) return undefined;
  if (headers.has("transfer-encoding") || headers.has("content-encoding")) return undefined;
  return { status: Number(status), length: Number(length), contentRange: headers.get("content-range"), rest };
}

/** What a socket receives, one large buffer a time, reading only when asked. */
class SocketPieces {
  readonly #socket: Socket;
  readonly #buffers = new PieceBuffers();
  #arrived: Buffer | undefined;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(url: URL, request: SourceRequest) {
    this.#socket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? 80 : Number(url.port),
      noDelay: true,
      signal: request.signal,
      onread: {
        buffer: () => this.#buffers.next(),
        callback: (size, buffer) => this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, size)),
      },
    });
    this.#socket.on("error", (error) => this.#finish(error));
    this.#socket.on("close", () => this.#finish(undefined));
    this.#socket.write(renderRequest(url, request));
  }

  /** The next bytes; undefined when the upstream has closed the connection. */
  async read(): Promise<Buffer | undefined> {
    if (this.#arrived === undefined && !this.#ended) {
      this.#socket.resume();
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    if (this.#error !== undefined) throw this.#error;
    const piece = this.#arrived;
    this.#arrived = undefined;
    return piece;
  }

  close() {
    this.#socket.destroy();
  }

  #receive(piece: Buffer): boolean {
    this.#arrived = piece;
    this.#wake?.();
    // Stops reading until asked again: this is the backpressure.
    return false;
  }

  #finish(error: Error | undefined) {
    this.#ended = true;
    this.#error ??= error;
    this.#wake?.();
  }
}

function renderRequest(url: URL, request: SourceRequest): string {
  const range = request.range === undefined ? "" : `Range: ${renderRange(request.range)}\r\n`;
  return (
    `${request.method} ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n${range}` +
    "Accept-Encoding: identity\r\nUser-Agent: firstmile\r\nConnection: close\r\n\r\n"
  );
}
