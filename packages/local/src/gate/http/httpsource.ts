/** A NAR from an http or https cache in any framing, with redirects and kept connections: the general way. */
import type { Dispatcher } from "undici";
import type { Outgoing } from "./outgoing.ts";
import { renderRange } from "./range.ts";
import type { ByteSource, SourceRequest } from "./source.ts";
import { TransferError } from "./transfer.ts";

/** Asks `url`. Throws TransferError, or what the connection throws. */
export async function openHttpSource(
  outgoing: Outgoing,
  url: URL,
  request: SourceRequest,
): Promise<ByteSource> {
  const { method, signal } = request;
  const range = request.range === undefined ? {} : { range: renderRange(request.range) };
  const response = await outgoing.openBody(url, { method, signal, ...range });
  const source = new HttpSource(response);
  if (source.length === undefined || Number.isSafeInteger(source.length)) return source;
  source.close();
  throw new TransferError("upstream-failed", "a malformed Content-Length");
}

class HttpSource implements ByteSource {
  readonly status: number;
  readonly length: number | undefined;
  readonly contentRange: string | undefined;
  readonly #body: Dispatcher.ResponseData["body"];
  readonly #pieces: AsyncIterator<Buffer>;

  constructor(response: Dispatcher.ResponseData) {
    const { "content-length": length, "content-range": range } = response.headers;
    this.status = response.statusCode;
    this.length = length === undefined ? undefined : Number(length);
    this.contentRange = typeof range === "string" ? range : undefined;
    this.#body = response.body;
    // Aborting may fail the body while nobody reads it.
    this.#body.on("error", () => {});
    this.#pieces = this.#body[Symbol.asyncIterator]();
  }

  async read(): Promise<Buffer | undefined> {
    try {
      const { done, value } = await this.#pieces.next();
      return done ? undefined : value;
    } catch (error) {
      throw new TransferError("upstream-truncated", "the upstream broke off in the body", error);
    }
  }

  close() {
    this.#body.destroy();
  }
}
