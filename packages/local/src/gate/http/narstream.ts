/**
 * Passes a NAR, compressed as its cache keeps it, from an upstream cache to a Nix client.
 *
 * Claims: where the expected hash of the file is given, no client receives all of a file that does not have it. The
 * bytes are hashed as they pass and the last piece stays here until hash and size are right; otherwise the connection
 * is destroyed, which Nix sees as a broken transfer. Memory does not grow with the file, and whichever side goes away
 * or falls silent ends the other. Against a cache, or anyone on the way to it, that serves other bytes than those
 * that were decided about, serves without end, or stalls.
 *
 * Leaves out: whether the NAR may be had at all (callers decide first), and what is inside: Nix itself compares
 * NarHash and NarSize after unpacking. A Range answer shows only a part and cannot be checked; see `NarExpectation`.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ClientBody } from "./clientbody.ts";
import { openSource } from "./opensource.ts";
import { fetchableUrl, type Outgoing } from "./outgoing.ts";
import { answersRange, type ByteRange, parseContentRange, parseRange } from "./range.ts";
import type { ByteSource, SourceRequest } from "./source.ts";
import { isAbsent, type TransferCode, TransferError, transferError } from "./transfer.ts";

export interface NarUpstream {
  /** http, https or file; see `cacheUrl` for joining a narinfo's URL field to its cache. */
  readonly url: string | URL;
  readonly outgoing: Outgoing;
  /** Milliseconds until the upstream's head, redirects included. Default 30,000. */
  readonly headTimeoutMs?: number;
  /** Milliseconds without a byte from the upstream or to the client. Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** Limit for a file of unknown size. Default 64 GiB. */
  readonly maxBytes?: number;
}

export interface NarExpectation {
  /** SHA-256 of the file as served, 32 bytes: FileHash, or NarHash where Compression is none. */
  readonly fileHash?: Uint8Array;
  /** Bytes of the file as served. */
  readonly fileSize?: number;
  /**
   * Whether a Range request may be passed on although `fileHash` is known. Such an answer is not checked here, and
   * could complete a download that was broken off because its hash was wrong. Default false: the whole file is sent.
   */
  readonly uncheckedRanges?: boolean;
}

/** How a transfer ended. Never thrown: whatever the upstream or the client did is a result. */
export type StreamResult =
  /** Complete. `checked`: size and hash were compared with `fileHash` before the last byte went out. */
  | {
      readonly kind: "served";
      readonly status: 200 | 206;
      readonly bytes: number;
      readonly checked: boolean;
    }
  /** Nothing was sent but a 404 (405 for `bad-method`) with the reason. */
  | { readonly kind: "refused"; readonly code: TransferCode; readonly message: string }
  /** The client's connection was destroyed after `bytes` of the body, or was gone already. */
  | {
      readonly kind: "broken";
      readonly code: TransferCode;
      readonly message: string;
      readonly bytes: number;
    };

/** The header that says why an answer is 404. */
export const REASON_HEADER = "X-Firstmile-Reason";

const DEFAULT_HEAD_TIMEOUT_MS = 30_000;
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_BYTES = 64 * 2 ** 30;
const NOTHING = Buffer.alloc(0);

/** Answers `request` with the NAR at `upstream.url`. Resolves when the answer has been handed on or has failed. */
export async function streamNar(
  upstream: NarUpstream,
  response: ServerResponse,
  request: IncomingMessage,
  expected: NarExpectation,
): Promise<StreamResult> {
  const transfer = new NarTransfer(upstream, response, request, expected);
  try {
    return await transfer.run();
  } catch (error) {
    return transfer.fail(error);
  } finally {
    transfer.close();
  }
}

class NarTransfer {
  readonly #upstream: NarUpstream;
  readonly #response: ServerResponse;
  readonly #request: IncomingMessage;
  readonly #expected: NarExpectation;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout;
  #waitingFor: "upstream" | "client" = "upstream";
  #source: ByteSource | undefined;
  #client: ClientBody | undefined;

  constructor(
    upstream: NarUpstream,
    response: ServerResponse,
    request: IncomingMessage,
    expected: NarExpectation,
  ) {
    this.#upstream = upstream;
    this.#response = response;
    this.#request = request;
    this.#expected = expected;
    this.#timer = setTimeout(this.#onSilence, upstream.headTimeoutMs ?? DEFAULT_HEAD_TIMEOUT_MS);
    response.once("close", this.#onClose);
  }

  async run(): Promise<StreamResult> {
    const { method } = this.#request;
    if (method !== "GET" && method !== "HEAD") throw new TransferError("bad-method", "only GET and HEAD");
    const range = method === "GET" ? this.#passableRange() : undefined;
    const source = await this.#open({ method, signal: this.#abort.signal, ...(range && { range }) });
    const status = checkStatus(source, range, this.#expected.fileSize);
    this.#checkLength(status, source.length);
    if (method === "HEAD") return this.#answerHead(source);
    return await this.#relay(source, status);
  }

  /** Tells the client as much as can still be told. */
  fail(error: unknown): StreamResult {
    const { code, message } = transferError(this.#abort.signal.aborted ? this.#abort.signal.reason : error);
    const bytes = this.#client?.bytes ?? 0;
    if (!this.#response.headersSent && !this.#response.destroyed) {
      refuse(this.#response, code, message);
      return { kind: "refused", code, message };
    }
    this.#response.destroy();
    return { kind: "broken", code, message, bytes };
  }

  close() {
    clearTimeout(this.#timer);
    this.#response.off("close", this.#onClose);
    this.#source?.close();
    this.#abort.abort();
  }

  readonly #onClose = () => {
    if (!this.#response.writableFinished) {
      this.#abort.abort(new TransferError("client-gone", "the client broke off"));
    }
  };

  readonly #onSilence = () => {
    const stalled = this.#waitingFor === "client";
    const error = stalled
      ? new TransferError("client-stalled", "the client stopped reading")
      : new TransferError("upstream-timeout", "the upstream fell silent");
    this.#abort.abort(error);
    // Only this wakes a write that waits for a client which never reads.
    if (stalled) this.#response.destroy();
  };

  /** The part that was asked for, where answering with it is sound. */
  #passableRange(): ByteRange | undefined {
    const { range, "if-range": condition } = this.#request.headers;
    if (this.#expected.fileHash !== undefined && this.#expected.uncheckedRanges !== true) return undefined;
    // Nothing here knows the validator that If-Range names, so the whole file is the answer (RFC 9110, 13.1.5).
    return condition === undefined ? parseRange(range) : undefined;
  }

  async #open(request: SourceRequest): Promise<ByteSource> {
    const url = fetchableUrl(this.#upstream.url);
    this.#source = await openSource(this.#upstream.outgoing, url, request, this.#expected.fileSize);
    this.#abort.signal.throwIfAborted();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onSilence, this.#upstream.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS);
    return this.#source;
  }

  #checkLength(status: 200 | 206, length: number | undefined) {
    const { fileSize } = this.#expected;
    if (length === undefined) return;
    if (length > (fileSize ?? this.#upstream.maxBytes ?? DEFAULT_MAX_BYTES)) throw tooLarge();
    if (status === 200 && fileSize !== undefined && length !== fileSize) throw wrongSize(length, fileSize);
  }

  #answerHead(source: ByteSource): StreamResult {
    this.#writeHead(200, source.length ?? this.#expected.fileSize);
    this.#response.end();
    return { kind: "served", status: 200, bytes: 0, checked: false };
  }

  async #relay(source: ByteSource, status: 200 | 206): Promise<StreamResult> {
    const { fileHash } = this.#expected;
    const whole = status === 200;
    const length = source.length ?? (whole ? this.#expected.fileSize : undefined);
    const client = new ClientBody(this.#response, () => this.#writeHead(status, length));
    this.#client = client;
    const hash = whole && fileHash !== undefined ? createHash("sha256") : undefined;
    const limit = length ?? this.#upstream.maxBytes ?? DEFAULT_MAX_BYTES;
    const { last, size } = await this.#pump(source, client, limit, (piece) => hash?.update(piece));
    if (length !== undefined && size !== length) throw wrongSize(size, length);
    if (hash !== undefined && !hash.digest().equals(fileHash!)) {
      throw new TransferError("wrong-hash", "the file does not have the expected SHA-256");
    }
    await this.#toClient(client.end(last));
    return { kind: "served", status, bytes: client.bytes, checked: hash !== undefined };
  }

  /** Everything but the last piece goes to the client; returns that piece and the size of all. */
  async #pump(source: ByteSource, client: ClientBody, limit: number, see: (piece: Buffer) => void) {
    let size = 0;
    let withheld: Buffer | undefined;
    let written: Promise<void> | undefined;
    for (;;) {
      const piece = await this.#fromUpstream(source);
      if (piece === undefined) break;
      size += piece.length;
      if (size > limit) throw tooLarge();
      see(piece);
      // One write at a time: this is the backpressure, and what lets a source use its buffers again.
      if (written !== undefined) await this.#toClient(written);
      if (withheld !== undefined) written = settledLater(client.write(withheld));
      withheld = piece;
    }
    if (written !== undefined) await this.#toClient(written);
    return { last: withheld ?? NOTHING, size };
  }

  async #fromUpstream(source: ByteSource): Promise<Buffer | undefined> {
    this.#waitFor("upstream");
    return await source.read();
  }

  async #toClient(written: Promise<void>) {
    this.#waitFor("client");
    await written;
  }

  #waitFor(side: "upstream" | "client") {
    this.#waitingFor = side;
    this.#timer.refresh();
  }

  #writeHead(status: 200 | 206, length: number | undefined) {
    const headers = ["Content-Type", "application/x-nix-nar"];
    if (length !== undefined) headers.push("Content-Length", String(length));
    if (status === 206) headers.push("Content-Range", this.#source!.contentRange!);
    this.#response.writeHead(status, headers);
  }
}

/** A rejection that is awaited only after the next read must not count as unhandled until then. */
function settledLater(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}

/** The status to answer with: 206 only for exactly the part that was asked for, of a file of the right size. */
function checkStatus(
  source: ByteSource,
  range: ByteRange | undefined,
  fileSize: number | undefined,
): 200 | 206 {
  if (source.status === 200) return 200;
  if (isAbsent(source.status))
    throw new TransferError("upstream-absent", `the upstream says ${source.status}`);
  const part = parseContentRange(source.contentRange);
  const exact = range !== undefined && part !== undefined && answersRange(range, part);
  const rightLength =
    source.length === undefined || source.length === (part?.last ?? 0) - (part?.first ?? 0) + 1;
  if (source.status === 206 && exact && rightLength && (fileSize ?? part.total) === part.total) return 206;
  throw new TransferError("upstream-failed", `the upstream says ${source.status}`);
}

/** 404 also for failures: any other status would make Nix give up instead of asking its next cache or building. */
function refuse(response: ServerResponse, code: TransferCode, message: string) {
  const reason = `${code}: ${message}`.replace(/[^\x20-\x7e]/g, "?");
  response.writeHead(code === "bad-method" ? 405 : 404, [REASON_HEADER, reason, "Content-Length", "0"]);
  response.end();
}

function tooLarge() {
  return new TransferError("too-large", "the file is longer than it may be");
}

function wrongSize(size: number, expected: number) {
  if (size > expected) return tooLarge();
  return new TransferError("wrong-size", `${size} bytes where ${expected} were expected`);
}
