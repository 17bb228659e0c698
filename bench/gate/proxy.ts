/**
 * The gate's HTTP core alone, for benchmarks: `node proxy.ts <upstream base URL>`. Narinfos are fetched once and then
 * answered from memory; `FileHash` and `FileSize` of NARs are those of the narinfo that names them. Prints its port;
 * `/rss` answers the highest resident size so far in bytes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeNix32 } from "@firstmile/formats/nix/base32";
import { NarInfoResponder, narInfoHashPart } from "../../packages/local/src/gate/http/narinforesponder.ts";
import { type NarExpectation, streamNar } from "../../packages/local/src/gate/http/narstream.ts";
import { cacheUrl, Outgoing } from "../../packages/local/src/gate/http/outgoing.ts";

const upstream = process.argv[2]!;
const outgoing = new Outgoing();
const small = { maxBytes: 65_536, timeoutMs: 5_000 };
const expected = new Map<string, NarExpectation>();
let peak = 0;

const narinfos = new NarInfoResponder(async (hashPart) => {
  const { status, body } = await outgoing.fetchSmall(cacheUrl(upstream, `${hashPart}.narinfo`), small);
  if (status !== 200) return { kind: "absent", reason: "upstream-absent" };
  const text = body.toString("latin1");
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1];
  const fileHash = field("FileHash")?.replace(/^sha256:/, "");
  const fileSize = field("FileSize");
  expected.set(`/${field("URL")}`, {
    ...(fileHash === undefined ? {} : { fileHash: decodeNix32(fileHash) }),
    ...(fileSize === undefined ? {} : { fileSize: Number(fileSize) }),
  });
  return { kind: "found", body };
});

async function other(request: IncomingMessage, response: ServerResponse) {
  const target = request.url!;
  if (target === "/rss") return void response.end(String(peak));
  if (target !== "/nix-cache-info") {
    const url = cacheUrl(upstream, target.slice(1));
    const result = await streamNar({ url, outgoing }, response, request, expected.get(target) ?? {});
    if (result.kind !== "served") console.error(target, result);
    return;
  }
  const { status, body } = await outgoing.fetchSmall(cacheUrl(upstream, target.slice(1)), small);
  response.writeHead(status).end(body);
}

setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 20).unref();
const server = createServer((request, response) => {
  const hashPart = narInfoHashPart(request.url!);
  if (hashPart !== undefined) return void narinfos.respond(hashPart, request, response);
  void other(request, response);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
