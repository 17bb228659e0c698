import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { ask, closeAll, expectationOf, randomBytes, serve, serveRaw, startGate } from "./loopback.ts";

const large = randomBytes(3_000_000);
const small = randomBytes(5_000);
const promised = expectationOf(large);
const dir = mkdtempSync(join(tmpdir(), "gate-http-"));
writeFileSync(join(dir, "large.nar"), large);
process.once("exit", () => rmSync(dir, { recursive: true, force: true }));

afterEach(closeAll);

const head = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
const withHead = (body: Uint8Array, length = body.length) => Buffer.concat([Buffer.from(head(length)), body]);
const flipped = (bytes: Buffer, at: number) => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
};
const withLength = (body: Buffer) =>
  serve((_, res) => res.writeHead(200, { "content-length": body.length }).end(body));
const chunked = (body: Buffer) =>
  serve((_, res) => {
    res.write(body.subarray(0, 10));
    res.end(body.subarray(10));
  });

describe.each([
  ["one length", withLength],
  ["chunks", chunked],
  [
    "a file",
    async (body: Buffer) => {
      const path = join(dir, "served.nar");
      writeFileSync(path, body);
      return pathToFileURL(path).href;
    },
  ],
] as const)("an upstream that serves %s", (_, upstream) => {
  test.each([large, small, Buffer.alloc(0)])("passes the bytes on", async (bytes) => {
    const gate = await startGate(await upstream(bytes), expectationOf(bytes));
    const got = await ask(gate.url);
    expect(got).toMatchObject({ status: 200, complete: true });
    expect(got.headers["content-length"]).toBe(String(bytes.length));
    expect(got.body.equals(bytes)).toBe(true);
    expect(await gate.result()).toEqual({ kind: "served", status: 200, bytes: bytes.length, checked: true });
  });

  test.each([0, 1_500_000, large.length - 1])("never completes with the bit at %i flipped", async (at) => {
    const gate = await startGate(await upstream(flipped(large, at)), promised);
    const got = await ask(gate.url);
    expect(got).toMatchObject({ status: 200, complete: false });
    expect(got.body.length).toBeLessThan(large.length);
    expect(await gate.result()).toMatchObject({ kind: "broken", code: "wrong-hash" });
  });

  test("refuses a short file with the wrong hash before anything is sent", async () => {
    const gate = await startGate(await upstream(flipped(small, 4)), { ...expectationOf(small) });
    const got = await ask(gate.url);
    // Where it came in two pieces the first was on its way.
    expect(got.status === 404 || !got.complete).toBe(true);
    expect(await gate.result()).toMatchObject({ code: "wrong-hash" });
  });

  test("never completes a file longer or shorter than promised", async () => {
    for (const [size, code] of [
      [large.length - 1, "too-large"],
      [large.length + 1, "wrong-size"],
    ] as const) {
      const gate = await startGate(await upstream(large), { fileSize: size });
      const got = await ask(gate.url);
      expect(got.status === 404 || !got.complete).toBe(true);
      expect(await gate.result()).toMatchObject({ code });
    }
  });

  test("answers HEAD without a body", async () => {
    const gate = await startGate(await upstream(large), promised);
    const got = await ask(gate.url, "HEAD");
    expect(got).toMatchObject({ status: 200, complete: true });
    expect(got.headers["content-length"]).toBe(String(large.length));
    expect(got.body.length).toBe(0);
  });
});

test("works for files of unknown size and hash", async () => {
  const gate = await startGate(await chunked(large));
  const got = await ask(gate.url);
  expect(got.complete && got.body.equals(large)).toBe(true);
  expect(await gate.result()).toMatchObject({ kind: "served", checked: false });
});

test("a limit holds where the size is unknown", async () => {
  const gate = await startGate(await chunked(large), {}, { maxBytes: 1_000_000 });
  const got = await ask(gate.url);
  expect(got.complete).toBe(false);
  expect(got.body.length).toBeLessThanOrEqual(1_000_000);
  expect(await gate.result()).toMatchObject({ kind: "broken", code: "too-large" });
});

test.each([
  ["plain", withHead(large.subarray(0, 2_000_000), large.length)],
  [
    "chunked",
    Buffer.concat([
      Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n"),
      large.subarray(0, 2_000_000),
    ]),
  ],
])("an upstream that dies in the middle breaks the transfer (%s)", async (_, answer) => {
  const gate = await startGate(await serveRaw(answer), promised);
  const got = await ask(gate.url);
  expect(got).toMatchObject({ status: 200, complete: false });
  expect(await gate.result()).toMatchObject({ kind: "broken", code: "upstream-truncated" });
});

test.each([
  [404, "upstream-absent"],
  [410, "upstream-absent"],
  [403, "upstream-absent"],
  [500, "upstream-failed"],
  [204, "upstream-failed"],
  [206, "upstream-failed"],
] as const)("status %i is a 404 with the reason %s", async (status, code) => {
  for (const expected of [promised, expectationOf(small)]) {
    const gate = await startGate(await serve((_, res) => res.writeHead(status).end()), expected);
    const got = await ask(gate.url);
    expect(got.status).toBe(404);
    expect(got.headers["x-firstmile-reason"]).toMatch(new RegExp(`^${code}: `));
    expect(await gate.result()).toMatchObject({ kind: "refused", code });
  }
});

test("a refused connection, a malformed answer and a bad URL are 404", async () => {
  const gone = await serveRaw("HTTP/1.1 two hundred\r\n\r\n");
  for (const [url, code] of [
    [gone, "upstream-failed"],
    ["http://127.0.0.1:1/", "upstream-failed"],
    ["ftp://x/", "bad-url"],
    [pathToFileURL(dir).href, "upstream-absent"],
    [`${pathToFileURL(dir).href}/none`, "upstream-absent"],
  ] as const) {
    const gate = await startGate(url, promised);
    expect((await ask(gate.url)).status).toBe(404);
    expect(await gate.result()).toMatchObject({ kind: "refused", code });
  }
});

test("an encoded body is refused", async () => {
  const gate = await startGate(
    await serve((_, res) => res.writeHead(200, { "content-encoding": "br" }).end(large)),
    promised,
  );
  expect((await ask(gate.url)).status).toBe(404);
  expect(await gate.result()).toMatchObject({ code: "encoded-body" });
});

test("other methods are refused", async () => {
  const gate = await startGate(await withLength(large), promised);
  expect((await ask(gate.url, "PUT")).status).toBe(405);
  expect(await gate.result()).toMatchObject({ code: "bad-method" });
});

test("a silent upstream times out, before the head and in the body", async () => {
  const times = { headTimeoutMs: 200, idleTimeoutMs: 200 };
  for (const expected of [promised, expectationOf(small)]) {
    const silent = await startGate(await serveRaw("", false), expected, times);
    expect((await ask(silent.url)).status).toBe(404);
    expect(await silent.result()).toMatchObject({ kind: "refused", code: "upstream-timeout" });
  }
  const stuck = await startGate(
    await serveRaw(withHead(large.subarray(0, 2_000_000), large.length), false),
    promised,
    times,
  );
  expect((await ask(stuck.url)).complete).toBe(false);
  expect(await stuck.result()).toMatchObject({ kind: "broken", code: "upstream-timeout" });
});

/** Starts a download and reads nothing of its body. */
async function unread(url: string) {
  return await new Promise<ReturnType<typeof request>>((resolve) => {
    const asked = request(url, { agent: false }, () => resolve(asked));
    asked.on("error", () => {});
    asked.end();
  });
}

const endless = (onClose: () => void) =>
  serve((_, res) => {
    const piece = randomBytes(1_000_000);
    const more = () => {
      while (!res.destroyed && res.write(piece));
    };
    res.writeHead(200, { "content-length": 1e12 }).on("drain", more).on("close", onClose);
    more();
  });

test("a client that goes away ends the upstream", async () => {
  let gone: () => void = () => {};
  const upstreamEnded = new Promise<void>((done) => {
    gone = done;
  });
  const gate = await startGate(await endless(gone), { fileSize: 1e12 });
  (await unread(gate.url)).destroy();
  await upstreamEnded;
  expect(await gate.result()).toMatchObject({ kind: "broken", code: "client-gone" });
});

test("a client that stops reading is cut off, without filling memory", async () => {
  const gate = await startGate(await endless(() => {}), { fileSize: 1e12 }, { idleTimeoutMs: 500 });
  await unread(gate.url);
  const result = await gate.result();
  expect(result).toMatchObject({ kind: "broken", code: "client-stalled" });
  expect(result.kind === "broken" && result.bytes).toBeLessThan(30_000_000);
});

describe("ranges", () => {
  const ranged = () =>
    serve((req, res) => {
      const match = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? "");
      if (match === null) return res.writeHead(200, { "content-length": large.length }).end(large);
      const first = Number(match[1]);
      const last = match[2] === "" ? large.length - 1 : Number(match[2]);
      const part = large.subarray(first, last + 1);
      return res
        .writeHead(206, {
          "content-length": part.length,
          "content-range": `bytes ${first}-${last}/${large.length}`,
        })
        .end(part);
    });
  const file = async () => pathToFileURL(join(dir, "large.nar")).href;

  test.each([
    ["http", ranged],
    ["file", file],
  ] as const)("are answered with the part where nothing could be checked (%s)", async (_, upstream) => {
    for (const expected of [{}, { ...promised, uncheckedRanges: true }]) {
      for (const [range, first, last] of [
        ["bytes=2000000-", 2_000_000, large.length - 1],
        ["bytes=5-9", 5, 9],
      ] as const) {
        const gate = await startGate(await upstream(), expected);
        const got = await ask(gate.url, "GET", { range });
        expect(got).toMatchObject({ status: 206, complete: true });
        expect(got.headers["content-range"]).toBe(`bytes ${first}-${last}/${large.length}`);
        expect(got.body.equals(large.subarray(first, last + 1))).toBe(true);
        expect(await gate.result()).toMatchObject({ kind: "served", status: 206, checked: false });
      }
    }
  });

  test.each([
    ["the hash is known", promised, { range: "bytes=5-9" }],
    ["If-Range names a validator", {}, { range: "bytes=5-9", "if-range": '"x"' }],
    ["there are several", {}, { range: "bytes=5-9,11-12" }],
    ["it counts from the end", {}, { range: "bytes=-5" }],
  ])("are answered in full where %s", async (_, expected, headers) => {
    const gate = await startGate(await ranged(), expected);
    const got = await ask(gate.url, "GET", headers as unknown as Record<string, string>);
    expect(got).toMatchObject({ status: 200, complete: true });
    expect(got.body.equals(large)).toBe(true);
  });

  test("another part, or a part of another file, than was asked for is refused", async () => {
    for (const range of ["bytes 0-4/3000000", "bytes 5-9/3000001", "bytes 5-9/*", "bytes 5-10/3000000"]) {
      const upstream = await serve((_, res) =>
        res.writeHead(206, { "content-length": 5, "content-range": range }).end("abcde"),
      );
      const gate = await startGate(upstream, { fileSize: large.length });
      expect((await ask(gate.url, "GET", { range: "bytes=5-9" })).status).toBe(404);
    }
  });
});

test("memory stays flat for 300 MB", async () => {
  const total = 300_000_000;
  const piece = randomBytes(1_000_000);
  const upstream = await serve((_, res) => {
    let left = total;
    const more = () => {
      while (left > 0) {
        left -= piece.length;
        if (!res.write(piece)) break;
      }
      if (left === 0) res.end();
    };
    res.writeHead(200, { "content-length": total }).on("drain", more);
    more();
  });
  const gate = await startGate(upstream, { fileSize: total });
  const before = process.memoryUsage.rss();
  let peak = 0;
  const received = await new Promise<number>((done) => {
    let size = 0;
    request(gate.url, { agent: false }, (res) => {
      res.on("data", (chunk: Buffer) => {
        size += chunk.length;
        peak = Math.max(peak, process.memoryUsage.rss());
      });
      res.on("end", () => done(size));
    }).end();
  });
  expect(received).toBe(total);
  expect(peak - before).toBeLessThan(150_000_000);
});

test("a slow client receives every byte although buffers are used again", async () => {
  const bytes = randomBytes(20_000_000);
  const gate = await startGate(await withLength(bytes), expectationOf(bytes));
  const got = await new Promise<Buffer>((done) => {
    request(gate.url, { agent: false }, async (res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of res as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        if (chunks.length % 10 === 0) await new Promise((next) => setTimeout(next, 2));
      }
      done(Buffer.concat(chunks));
    }).end();
  });
  expect(got.equals(bytes)).toBe(true);
});
