/** Real servers on loopback: upstreams that misbehave, a gate before them, and clients that see raw sockets. */
import { createHash, randomFillSync } from "node:crypto";
import { createServer, type RequestListener, request, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import {
  type NarExpectation,
  type NarUpstream,
  type StreamResult,
  streamNar,
} from "@firstmile/local/gate/http/narstream";
import { Outgoing } from "@firstmile/local/gate/http/outgoing";

const closers: (() => void)[] = [];

/** Ends every server of this file's tests. */
export function closeAll() {
  for (const close of closers.splice(0)) close();
}

async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return await listen(server);
}

/** An upstream that sends these bytes to whoever connects, and hangs up unless told to wait. */
export async function serveRaw(answer: Uint8Array | string, hangUp = true): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(answer);
      if (hangUp) socket.end();
    });
    closers.push(() => socket.destroy());
  });
  closers.push(() => server.close());
  return await listen(server);
}

export interface Gate {
  readonly url: string;
  /** How the last transfer ended. */
  result(): Promise<StreamResult>;
}

/** A gate that passes every request on to `url`. */
export async function startGate(
  url: string | URL,
  expected: NarExpectation = {},
  limits: Partial<NarUpstream> = {},
): Promise<Gate> {
  const outgoing = new Outgoing();
  closers.push(() => void outgoing.close());
  let settle: (result: Promise<StreamResult>) => void;
  const result = new Promise<StreamResult>((resolve) => {
    settle = resolve;
  });
  const gate = await serve((req, res) => settle(streamNar({ url, outgoing, ...limits }, res, req, expected)));
  return { url: gate, result: () => result };
}

export interface Received {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  /** Whether the answer was complete as HTTP frames it. */
  readonly complete: boolean;
}

/** Asks and collects whatever comes, also of a broken answer. */
export async function ask(
  url: string,
  method = "GET",
  headers: Record<string, string> = {},
): Promise<Received> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", () => {});
      res.on("close", () =>
        resolve({
          status: res.statusCode!,
          headers: res.headers,
          body: Buffer.concat(chunks),
          complete: res.complete,
        }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

export function randomBytes(size: number): Buffer {
  return randomFillSync(Buffer.alloc(size));
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

export function expectationOf(bytes: Uint8Array): Required<Pick<NarExpectation, "fileHash" | "fileSize">> {
  return { fileHash: sha256(bytes), fileSize: bytes.length };
}
