/**
 * The gate's own sockets: what the hook and the command line ask. Anybody on the machine may ask, since asking gives
 * no rights: an admission is decided by the gate from what it authenticates itself.
 *
 * Claims: a request counts as root's only where it came through the socket in a directory that root alone may enter (or
 * the user whose own gate this is). Node.js cannot ask the kernel who is at the other end of a socket.
 */
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { RepositoryError } from "../git/neutral.ts";
import { PlaceError } from "./place.ts";
import { makePrivateDirectory } from "./private-directory.ts";

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

export type Asker = "root" | "anybody";

export interface ControlRequest {
  readonly asker: Asker;
  readonly query: URLSearchParams;
  /** The body as it comes. */
  readonly body: IncomingMessage;
  /** The body as JSON; throws `RequestError`. */
  json(): Promise<unknown>;
}

/** Answers by `METHOD /path`. */
export type ControlRoutes = Readonly<Record<string, (request: ControlRequest) => Promise<unknown>>>;

export interface ControlOptions {
  /** What is asked before it is fulfilled waits for it. */
  readonly opened: Promise<void>;
  /** A second socket, in a directory of its own that is made here. Absent: no request counts as root's. */
  readonly rootPath?: string;
}

export class ControlServer {
  readonly #sockets: readonly ControlSocket[];

  constructor(socketPath: string, routes: ControlRoutes, options: ControlOptions) {
    const { opened, rootPath } = options;
    const open = new ControlSocket(socketPath, routes, "anybody", opened);
    const closed = rootPath === undefined ? [] : [new ControlSocket(rootPath, routes, "root", opened)];
    this.#sockets = [open, ...closed];
  }

  /** Binds both. Throws where another gate answers already. */
  async listen(): Promise<void> {
    for (const socket of this.#sockets) await socket.listen();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }
}

class ControlSocket {
  readonly #server: Server;
  readonly #path: string;
  readonly #asker: Asker;

  constructor(path: string, routes: ControlRoutes, asker: Asker, opened: Promise<void>) {
    this.#path = path;
    this.#asker = asker;
    this.#server = createServer(
      { requestTimeout: 0 },
      (request, response) => void opened.then(() => answer(routes, asker, request, response)),
    );
  }

  /** Binds; throws where another gate answers already, and takes the place of one that died. */
  async listen(): Promise<void> {
    // Before there is a socket in it: between its making and its mode every user could connect.
    if (this.#asker === "root") makePrivateDirectory(dirname(this.#path));
    if (existsSync(this.#path)) {
      if (await answers(this.#path))
        throw new PlaceError(
          `a gate is running already at ${this.#path}`,
          "stop it first, or give this one a state directory of its own: FIRSTMILE_STATE=DIR",
        );
      unlinkSync(this.#path);
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(this.#path, resolve);
    });
    chmodSync(this.#path, this.#asker === "root" ? 0o600 : 0o666);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }
}

async function answer(
  routes: ControlRoutes,
  asker: Asker,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = targetOf(request.url ?? "");
    const route = routes[`${request.method} ${url.pathname}`];
    if (!route) throw new RequestError(404, "the gate knows no such request");
    const value = await route({
      asker,
      query: url.searchParams,
      body: request,
      json: () => readJson(request),
    });
    send(response, 200, value);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send(response, statusOf(error), { error: message });
  }
}

/** A target that begins with two slashes of either kind names a host, which URL would take from it. */
function targetOf(target: string): URL {
  if (!/^\/(?![/\\])/.test(target)) throw new RequestError(404, "the gate knows no such request");
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
