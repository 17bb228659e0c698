/**
 * The gate's own socket: what the hook and the command line ask. Anybody on the machine may ask, since asking gives
 * no rights: an admission is decided by the gate from what it authenticates itself.
 */
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { FormatError } from "@firstmile/formats/bytes/error";
import { RepositoryError } from "../git/neutral.ts";

/** Largest JSON request, in bytes. */
const MAX_JSON_BYTES = 1 << 20;

/** An answer: 200 with a value, or an error that is the asker's. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "RequestError";
    this.status = status;
  }
}

export interface ControlRequest {
  readonly query: URLSearchParams;
  /** The body as it comes. */
  readonly body: IncomingMessage;
  /** The body as JSON; throws `RequestError`. */
  json(): Promise<unknown>;
}

/** Answers by `METHOD /path`. */
export type ControlRoutes = Readonly<Record<string, (request: ControlRequest) => Promise<unknown>>>;

export class ControlServer {
  private readonly server: Server;
  private readonly socketPath: string;

  constructor(socketPath: string, routes: ControlRoutes) {
    this.socketPath = socketPath;
    this.server = createServer(
      { requestTimeout: 0 },
      (request, response) => void answer(routes, request, response),
    );
  }

  /** Listens; refuses where another gate answers already, and takes the place of one that died. */
  async listen(): Promise<void> {
    if (existsSync(this.socketPath)) {
      if (await answers(this.socketPath)) throw new Error(`a gate is running already at ${this.socketPath}`);
      unlinkSync(this.socketPath);
    }
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject).listen(this.socketPath, resolve);
    });
    chmodSync(this.socketPath, 0o666);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeIdleConnections();
    });
  }
}

async function answer(
  routes: ControlRoutes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = targetOf(request.url ?? "");
    const route = routes[`${request.method} ${url.pathname}`];
    if (!route) throw new RequestError(404, "the gate knows no such request");
    const value = await route({ query: url.searchParams, body: request, json: () => readJson(request) });
    send(response, 200, value);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send(response, statusOf(error), { error: message });
  }
}

/** A target that begins with two slashes of either kind names a host, which URL would take from it. */
function targetOf(target: string): URL {
  if (!/^\/(?![/\\])/.test(target))
    throw new RequestError(404, "the gate knows no such request");
  return new URL(target, "http://gate");
}

/** What was sent cannot be read: the asker's error, not the gate's. */
function statusOf(error: unknown): number {
  if (error instanceof RequestError) return error.status;
  return error instanceof FormatError || error instanceof RepositoryError ? 400 : 500;
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value ?? null));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw new RequestError(413, "the request is too large");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new RequestError(400, "the request is not JSON");
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
