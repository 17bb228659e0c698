/**
 * Everything that the gate asks of other machines goes through one `Outgoing`: bounded in size, time, connections
 * and redirects. Against an upstream that answers without end, redirects elsewhere, or compresses a small answer into
 * a huge one: nothing is decompressed, and no redirect changes the scheme or leads from a public host to a private one.
 * Leaves out: whether what came back is true (callers verify), proxies from the environment, and credentials.
 */
import { constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Agent, type Dispatcher } from "undici";
import { isPublicHost, publicLookup, refusePrivateLiteral } from "./address.ts";
import { TransferError, transferError } from "./transfer.ts";

const MAX_REDIRECTS = 5;

export interface OutgoingLimits {
  /** Connections to one origin at a time; Nix's own `http-connections` is 25. */
  readonly connections?: number;
  /** Milliseconds until a connection stands. */
  readonly connectTimeoutMs?: number;
}

export interface SmallRequest {
  /** A longer body is an error, not a shorter answer. */
  readonly maxBytes: number;
  /** Milliseconds for everything: redirects, head and body. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface SmallDocument {
  /** The HTTP status after redirects; 200 or 404 for file URLs. */
  readonly status: number;
  readonly body: Buffer;
}

export interface BodyRequest {
  readonly method: "GET" | "HEAD";
  /** Value of a Range header to send, such as `bytes=100-`. */
  readonly range?: string;
  readonly signal: AbortSignal;
}

export class Outgoing {
  readonly #anywhere: Agent;
  readonly #publicOnly: Agent;

  constructor(limits: OutgoingLimits = {}) {
    const options = {
      connections: limits.connections ?? 25,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 16_384,
      allowH2: false,
      // Time is the caller's: one signal over the whole exchange, or the relay's own idle timer.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const timeout = limits.connectTimeoutMs ?? 10_000;
    this.#anywhere = new Agent({ ...options, connect: { timeout } });
    this.#publicOnly = new Agent({ ...options, connect: { timeout, lookup: publicLookup } });
  }

  /**
   * A document of at most `maxBytes`, such as a narinfo or nix-cache-info, with whatever status it came.
   * Throws TransferError: `bad-url`, `too-large`, `upstream-timeout`, `upstream-failed`, `upstream-truncated`,
   * `redirect-refused`, `encoded-body`.
   */
  async fetchSmall(url: string | URL, request: SmallRequest): Promise<SmallDocument> {
    const from = fetchableUrl(url);
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
    try {
      if (from.protocol === "file:") return await readSmallFile(from, request.maxBytes, signal);
      const { statusCode, body } = await this.openBody(from, { method: "GET", signal });
      return { status: statusCode, body: await collect(body, request.maxBytes) };
    } catch (error) {
      if (deadline.aborted)
        throw new TransferError("upstream-timeout", `no answer in ${request.timeoutMs} ms`);
      throw transferError(error);
    }
  }

  /**
   * The head of an http or https answer, redirects followed, and its undecoded body still to be read or destroyed.
   * Throws TransferError, or what the connection throws.
   */
  async openBody(url: URL, request: BodyRequest): Promise<Dispatcher.ResponseData> {
    let at = url;
    let agent = this.#anywhere;
    for (let hops = 0; ; hops++) {
      const response = await ask(agent, at, request);
      const location = redirectLocation(response);
      if (location === undefined) return refuseEncoded(response);
      discard(response.body);
      if (hops === MAX_REDIRECTS) throw new TransferError("redirect-refused", "too many redirects");
      at = redirectTarget(at, location);
      if (agent === this.#anywhere && (await isPublicHost(url))) agent = this.#publicOnly;
      if (agent === this.#publicOnly) refusePrivateLiteral(at);
    }
  }

  /** Ends every connection at once; requests under way fail. */
  async close() {
    await Promise.all([this.#anywhere.destroy(), this.#publicOnly.destroy()]);
  }
}

/** `url` parsed and of a kind that may be fetched, or TransferError `bad-url`. */
export function fetchableUrl(url: string | URL): URL {
  const parsed = typeof url === "string" ? URL.parse(url) : url;
  if (parsed === null || !["http:", "https:", "file:"].includes(parsed.protocol)) {
    throw new TransferError("bad-url", "not an http, https or file URL");
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new TransferError("bad-url", "credentials in a URL are not used");
  }
  return parsed;
}

/**
 * The URL of `path` below the cache at `base`, both as narinfo and configuration give them. Throws `bad-url` where
 * it would leave that cache: the URL field of a narinfo is not signed, and `../../etc/shadow` below a file cache
 * would be read with the gate's rights.
 */
export function cacheUrl(base: string | URL, path: string): URL {
  const root = fetchableUrl(typeof base === "string" ? base : base.href);
  const folder = root.pathname.endsWith("/") ? root.pathname : `${root.pathname}/`;
  const plain = new URL(folder, root);
  const url = URL.parse(path, plain.href);
  const inside = url !== null && url.protocol === plain.protocol && url.host === plain.host;
  if (!inside || !url.pathname.startsWith(folder) || url.username !== "" || url.password !== "") {
    throw new TransferError("bad-url", "the path leaves its cache");
  }
  return url;
}

function ask(agent: Agent, url: URL, request: BodyRequest): Promise<Dispatcher.ResponseData> {
  const headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "firstmile" };
  if (request.range !== undefined) headers.range = request.range;
  const path = url.pathname + url.search;
  return agent.request({ origin: url.origin, path, method: request.method, headers, signal: request.signal });
}

function redirectLocation(response: Dispatcher.ResponseData): string | undefined {
  if (![301, 302, 303, 307, 308].includes(response.statusCode)) return undefined;
  const { location } = response.headers;
  if (typeof location === "string") return location;
  discard(response.body);
  throw new TransferError("redirect-refused", "a redirect without exactly one Location");
}

function redirectTarget(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to === null || to.protocol !== from.protocol) {
    throw new TransferError("redirect-refused", "a redirect to another scheme");
  }
  return fetchableUrl(to);
}

function refuseEncoded(response: Dispatcher.ResponseData): Dispatcher.ResponseData {
  const encoding = response.headers["content-encoding"];
  if (encoding === undefined || encoding === "identity") return response;
  discard(response.body);
  throw new TransferError("encoded-body", "the upstream encodes a body that was asked for as it is");
}

function discard(body: Dispatcher.ResponseData["body"]) {
  body.on("error", () => {});
  body.destroy();
}

async function collect(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the body and its connection.
    if (size > maxBytes) throw new TransferError("too-large", `the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

async function readSmallFile(url: URL, maxBytes: number, signal: AbortSignal): Promise<SmallDocument> {
  try {
    await using file = await openRegular(url);
    const { size } = await file.stat();
    if (size > maxBytes) throw new TransferError("too-large", `the file is longer than ${maxBytes} bytes`);
    signal.throwIfAborted();
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size), position: 0 });
    return { status: 200, body: buffer.subarray(0, bytesRead) };
  } catch (error) {
    const known = transferError(error);
    if (known.code !== "upstream-absent") throw known;
    return { status: 404, body: Buffer.alloc(0) };
  }
}

/**
 * The regular file that a file URL names. Throws `bad-url` and `upstream-absent`. Not blocking, since opening a pipe
 * without a writer would hold a thread for ever; a directory, a device or a pipe is as good as absent. So is what a
 * link leads to, anywhere on the way: a user who may write a cache's folder would have root send any file.
 */
export async function openRegular(url: URL): Promise<FileHandle> {
  const path = filePath(url);
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const problem = await problemOf(file, path);
  if (problem === undefined) return file;
  await file.close();
  throw new TransferError("upstream-absent", problem);
}

/** By what was opened, and not by what is at the path later. */
async function problemOf(file: FileHandle, path: string): Promise<string | undefined> {
  if (!(await file.stat()).isFile()) return "not a regular file";
  const real = await readlink(`/proc/self/fd/${file.fd}`).catch(() => undefined);
  return real === path
    ? undefined
    : `reached by a link; name the cache by its real path${real ? `, as in ${real}` : ""}`;
}

function filePath(url: URL): string {
  try {
    const path = fileURLToPath(url);
    if (!path.includes("\0")) return path;
  } catch (error) {
    throw new TransferError("bad-url", "not the URL of a file on this machine", error);
  }
  throw new TransferError("bad-url", "not the URL of a file on this machine");
}
