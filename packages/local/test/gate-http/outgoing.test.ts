import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isPublicAddress, publicLookup, refusePrivateLiteral } from "@firstmile/local/gate/http/address";
import { cacheUrl, Outgoing, openRegular } from "@firstmile/local/gate/http/outgoing";
import { parsePlainHead } from "@firstmile/local/gate/http/plainsource";
import { afterAll, afterEach, expect, test } from "vitest";
import { closeAll, serve, serveRaw } from "./loopback.ts";

const outgoing = new Outgoing();
const limits = { maxBytes: 1_000, timeoutMs: 2_000 };
const dir = mkdtempSync(join(tmpdir(), "gate-http-"));
writeFileSync(join(dir, "file"), "x".repeat(1_000));

afterEach(closeAll);
afterAll(async () => {
  await outgoing.close();
  rmSync(dir, { recursive: true });
});

test("a link in a cache's folder is not followed, at its end or on the way", async () => {
  mkdirSync(join(dir, "outside"));
  writeFileSync(join(dir, "outside/secret"), "secret");
  mkdirSync(join(dir, "cache"));
  symlinkSync("../outside/secret", join(dir, "cache/last"));
  symlinkSync("../outside", join(dir, "cache/nar"));
  linkSync(join(dir, "outside/secret"), join(dir, "cache/plain"));
  const fetched = (name: string) => outgoing.fetchSmall(pathToFileURL(join(dir, "cache", name)), limits);
  expect((await fetched("plain")).body.toString()).toBe("secret");
  for (const name of ["last", "nar/secret"]) expect((await fetched(name)).status, name).toBe(404);
  const on = openRegular(pathToFileURL(join(dir, "cache/nar/secret")));
  await expect(on).rejects.toMatchObject({ message: expect.stringContaining("real path") });
});

test("returns whatever status came, with the body as it is", async () => {
  for (const status of [200, 404, 500]) {
    const url = await serve((_, res) => res.writeHead(status).end("x".repeat(1_000)));
    expect(await outgoing.fetchSmall(url, limits)).toEqual({ status, body: Buffer.from("x".repeat(1_000)) });
  }
});

test("a longer body is an error, announced or not", async () => {
  const whole = await serve((_, res) => res.end("x".repeat(1_001)));
  const pieces = await serve((_, res) => {
    const more = () => {
      while (!res.destroyed && res.write("x".repeat(999)));
    };
    res.on("drain", more);
    more();
  });
  for (const url of [whole, pieces]) {
    await expect(outgoing.fetchSmall(url, limits)).rejects.toMatchObject({ code: "too-large" });
  }
});

test("files: absent is 404, too long is an error, other than regular is absent", async () => {
  const base = pathToFileURL(dir).href;
  expect((await outgoing.fetchSmall(cacheUrl(base, "file"), limits)).body.length).toBe(1_000);
  expect((await outgoing.fetchSmall(cacheUrl(base, "none"), limits)).status).toBe(404);
  expect((await outgoing.fetchSmall(base, limits)).status).toBe(404);
  await expect(
    outgoing.fetchSmall(cacheUrl(base, "file"), { ...limits, maxBytes: 999 }),
  ).rejects.toMatchObject({
    code: "too-large",
  });
});

test("time covers head and body, and a signal ends it sooner", async () => {
  const silent = await serveRaw("", false);
  const stuck = await serveRaw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", false);
  for (const url of [silent, stuck]) {
    await expect(outgoing.fetchSmall(url, { ...limits, timeoutMs: 100 })).rejects.toMatchObject({
      code: "upstream-timeout",
    });
  }
  const signal = AbortSignal.timeout(50);
  await expect(outgoing.fetchSmall(silent, { ...limits, signal })).rejects.toThrow();
});

test("follows a redirect, and only so many", async () => {
  const url = await serve((req, res) => {
    const left = Number(req.url!.slice(1));
    if (left === 0) return res.end("there");
    return res.writeHead(302, { location: `/${left - 1}` }).end();
  });
  expect((await outgoing.fetchSmall(`${url}/5`, limits)).body.toString()).toBe("there");
  await expect(outgoing.fetchSmall(`${url}/6`, limits)).rejects.toMatchObject({ code: "redirect-refused" });
});

test.each(["file:///etc/passwd", "https://127.0.0.1/", "ftp://x/", "http://["])(
  "refuses a redirect to %s",
  async (location) => {
    const url = await serve((_, res) => res.writeHead(302, { location }).end());
    await expect(outgoing.fetchSmall(url, limits)).rejects.toMatchObject({ code: "redirect-refused" });
  },
);

test("refuses an encoded body", async () => {
  const url = await serve((_, res) => res.writeHead(200, { "content-encoding": "gzip" }).end("x"));
  await expect(outgoing.fetchSmall(url, limits)).rejects.toMatchObject({ code: "encoded-body" });
});

test("tells public from private addresses", () => {
  for (const address of ["8.8.8.8", "151.101.2.217", "2a04:4e42::729", "::ffff:8.8.8.8"]) {
    expect([address, isPublicAddress(address)]).toEqual([address, true]);
  }
  const inside =
    "127.0.0.1 10.1.2.3 172.31.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 255.255.255.255 ::1 :: ";
  for (const address of `${inside}::ffff:127.0.0.1 ::ffff:10.0.0.1 fe80::1 fd00::1 64:ff9b::7f00:1 localhost`.split(
    " ",
  )) {
    expect([address, isPublicAddress(address)]).toEqual([address, false]);
  }
});

test("the resolver for redirects from public hosts refuses loopback", async () => {
  const outcome = await new Promise<unknown>((done) => publicLookup("localhost", {}, (error) => done(error)));
  expect(outcome).toMatchObject({ code: "redirect-refused" });
  for (const url of ["http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://2130706433/"]) {
    expect(() => refusePrivateLiteral(new URL(url))).toThrow("private");
  }
});

test("a path stays inside its cache", () => {
  expect(cacheUrl("http://h/a", "nar/x.nar?y=1").href).toBe("http://h/a/nar/x.nar?y=1");
  for (const path of [
    "../x",
    "/x",
    "//other/x",
    "nar/../../x",
    "nar/%2e%2e/%2e%2e/x",
    "file:///x",
    "http://u@h/a/x",
    "\\\\other/x",
  ]) {
    expect(() => cacheUrl("http://h/a/", path), path).toThrow("leaves its cache");
  }
  expect(() => cacheUrl("file:///a/", "../etc/passwd")).toThrow("leaves its cache");
  expect(() => cacheUrl("http://u:p@h/", "x")).toThrow("credentials");
});

test("the plain reader takes only a head that cannot be read in two ways", () => {
  expect(parsePlainHead("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y")).toMatchObject({
    status: 200,
    length: 5,
  });
  for (const bad of [
    "HTTP/1.1 200 OK",
    "HTTP/2 200 OK\r\nContent-Length: 5",
    "HTTP/1.1 302 Found\r\nContent-Length: 5",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5",
    "HTTP/1.1 200 OK\r\nContent-Length: +5",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n folded",
    "HTTP/1.1 200 OK\r\nContent-Length : 5",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\nTransfer-Encoding: chunked",
  ]) {
    expect(parsePlainHead(bad), bad).toBeUndefined();
  }
});
