/**
 * Warm narinfo requests: one after the other on one connection, and on 25 connections, beside nginx with the same
 * files.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeNix32 } from "@firstmile/formats/nix/base32";
import { median } from "../measure.ts";
import type { Row } from "../report.ts";
import { type Relay, startProxy } from "./measure.ts";
import { type Nginx, startNginx } from "./nginx.ts";

const REQUESTS = 10_000;
const FILES = 500;
const ROUNDS = 5;

const NAMES = Array.from({ length: FILES }, (_, i) => {
  const digest = Buffer.alloc(20, i);
  digest.writeUInt32BE(i);
  return encodeNix32(digest);
});

export async function narinfoRows(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), "gate-bench-"));
  for (const name of NAMES) writeFileSync(join(dir, `${name}.narinfo`), narInfo(name));
  const nginx = await startNginx(dir, join(dir, "nginx"));
  const proxy = await startProxy(nginx.url);
  try {
    return [await oneConnection(proxy, nginx), manyConnections(proxy, nginx)];
  } finally {
    await proxy.stop();
    await nginx.stop();
    rmSync(dir, { recursive: true });
  }
}

async function oneConnection(proxy: Relay, nginx: Nginx): Promise<Row> {
  await sequential(proxy.url, FILES);
  const times = { nginx: [] as number[], gate: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    times.nginx.push(await sequential(nginx.url, REQUESTS));
    times.gate.push(await sequential(proxy.url, REQUESTS));
  }
  const [ours, theirs] = [median(times.gate), median(times.nginx)];
  const ratio = ours / theirs;
  return {
    what: `${REQUESTS} warm narinfos, one connection`,
    ours: `${ours.toFixed(0)} ms`,
    beside: `nginx ${theirs.toFixed(0)} ms: ${ratio.toFixed(2)}x the time`,
    goal: "2x",
    reached: ratio <= 2,
    figures: times,
  };
}

function manyConnections(proxy: Relay, nginx: Nginx): Row {
  const rates = { nginx: [] as number[], gate: [] as number[] };
  for (let round = 0; round < 3; round++) {
    rates.nginx.push(wrk(nginx.url));
    rates.gate.push(wrk(proxy.url));
  }
  const ours = median(rates.gate);
  return {
    what: "warm narinfos, 25 connections",
    ours: `${ours.toFixed(0)}/s`,
    beside: `nginx ${median(rates.nginx).toFixed(0)}/s`,
    goal: "5000/s",
    reached: ours >= 5000,
    figures: rates,
  };
}

function narInfo(name: string): string {
  const reference = `${name}-libidn2-2.3.2 ${name}-glibc-2.34-115`;
  return `StorePath: /nix/store/${name}-bench-1.0
URL: nar/${"0".repeat(52)}.nar.xz
Compression: xz
FileHash: sha256:${"0".repeat(52)}
FileSize: 41232
NarHash: sha256:${"1".repeat(52)}
NarSize: 226488
References: ${reference}
Deriver: ${name}-bench-1.0.drv
Sig: cache.example.org-1:${"A".repeat(86)}==
`;
}

/** Milliseconds for `count` requests on one kept connection, each sent when the one before is answered. */
async function sequential(url: string, count: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay(true);
  let asked = 0;
  let left = 0;
  const ask = () => socket.write(`GET /${NAMES[asked++ % FILES]}.narinfo HTTP/1.1\r\nHost: bench\r\n\r\n`);
  const start = performance.now();
  return await new Promise<number>((done, failed) => {
    socket.on("error", failed);
    socket.on("data", (data) => {
      if (left === 0) left = answerLength(data);
      left -= data.length;
      if (left > 0) return;
      if (asked < count) return void ask();
      socket.destroy();
      done(performance.now() - start);
    });
    ask();
  });
}

/** Bytes of head and body of the answer that `data` opens. */
function answerLength(data: Buffer): number {
  const head = data.indexOf("\r\n\r\n");
  const text = data.toString("latin1", 0, head);
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  if (!text.startsWith("HTTP/1.1 200") || length === undefined) throw new Error(`unexpected answer: ${text}`);
  return head + 4 + Number(length);
}

function wrk(url: string): number {
  const out = execFileSync("wrk", ["-t1", "-c25", "-d3s", `${url}/${NAMES[1]}.narinfo`], {
    encoding: "utf8",
  });
  if (/Non-2xx/.test(out)) throw new Error(out);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(out)![1]);
}
