/** Asks the gate over its socket. */
import { accessSync, constants, existsSync } from "node:fs";
import { request } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MACHINE_STATE } from "../state/directory.ts";
import { gateSocket, rootSocket } from "./socket.ts";

/** The gate is not there, or refused the question itself. */
export class GateError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "GateError";
    this.help = help;
  }
}

export class GateClient {
  private readonly socketPath: string;

  /** The gate of this state directory, or else the machine's. */
  constructor(stateDir: string) {
    const own = gateSocket(stateDir);
    const machine = gateSocket(MACHINE_STATE);
    const isMachines = !existsSync(own) && existsSync(machine);
    this.socketPath = ownSocket(isMachines ? MACHINE_STATE : stateDir) ?? (isMachines ? machine : own);
  }

  get<Answer>(path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.ask("GET", withQuery(path, query));
  }

  post<Answer>(path: string, value: unknown): Promise<Answer> {
    return this.ask("POST", path, Buffer.from(JSON.stringify(value)));
  }

  send<Answer>(path: string, query: URLSearchParams, body: Readable): Promise<Answer> {
    return this.ask("POST", withQuery(path, query), body);
  }

  private ask<Answer>(method: string, path: string, body?: Readable | Buffer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const asking = request({ socketPath: this.socketPath, method, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(JSON.parse(text) as Answer);
        else reject(new GateError(errorIn(text), "see the gate's log"));
      });
    });
    asking.on("error", (error: NodeJS.ErrnoException) => reject(this.unreachable(error)));
    if (body === undefined || Buffer.isBuffer(body)) asking.end(body);
    else pipeline(body, asking).catch(reject);
    return promise;
  }

  private unreachable(error: NodeJS.ErrnoException): GateError {
    const why =
      error.code === "ENOENT" || error.code === "ECONNREFUSED"
        ? "is not running"
        : `cannot be asked (${error.code ?? error.message})`;
    return new GateError(`the gate ${why} (${this.socketPath})`, "start it: firstmile gate");
  }
}

/** The socket on which a request counts as root's, where this user may reach it. */
function ownSocket(stateDir: string): string | undefined {
  const path = rootSocket(stateDir);
  try {
    accessSync(path, constants.W_OK);
    return path;
  } catch {
    return undefined;
  }
}

function withQuery(path: string, query: Readonly<Record<string, string>> | URLSearchParams): string {
  const text = new URLSearchParams(query).toString();
  return text ? `${path}?${text}` : path;
}

function errorIn(text: string): string {
  try {
    return String((JSON.parse(text) as { error?: unknown }).error);
  } catch {
    return "the gate's answer cannot be read";
  }
}
