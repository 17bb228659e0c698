/** The hook alone, before gates that break: it ends with 0 for one answer only. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";

const HOOK = new URL("../../src/gate/hook.mjs", import.meta.url).pathname;
const DRV = "/nix/store/0c2ch3lgczzbzrcnvkgrjawarcs4h9nb-x.drv";

let dir: string | undefined;
let server: Server | undefined;

afterEach(() => {
  server?.close();
  if (dir) rmSync(dir, { recursive: true });
});

/** Exit code of a hook whose gate sends these bytes and hangs up. */
async function codeFor(answer: string | undefined): Promise<number | null> {
  dir = mkdtempSync(join(tmpdir(), "hook-"));
  const socket = join(dir, "gate.sock");
  if (answer !== undefined) {
    server = createServer((client) => {
      client.on("error", () => {});
      client.once("data", () => client.end(answer));
    });
    await new Promise<void>((done) => server!.listen(socket, done));
  }
  const hook = spawn(process.execPath, [HOOK, socket, DRV], { stdio: "ignore" });
  return new Promise((resolve) => hook.once("exit", (code) => resolve(code)));
}

const http = (body: string, status = "200 OK", length = Buffer.byteLength(body)) =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;

test("allowed is the only answer that lets a build through", async () => {
  expect(await codeFor(http('{"allowed":true}'))).toBe(0);
});

test.each([
  ["there is no gate", undefined],
  ["it hangs up", ""],
  ["it dies inside the head", "HTTP/1.1 200 OK\r\nContent-Le"],
  ["it dies before the body", http("", "200 OK", 100)],
  ["it dies inside the body", http('{"allowed":true,"subject":{"kind":"deri', "200 OK", 100)],
  ["it dies before the last byte", http('{"allowed":true', "200 OK", 16)],
  ["it dies inside a chunk", 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"allowed":true}'],
  ["it is no HTTP", "allowed\n"],
  ["it denies", http('{"allowed":false,"summary":"no"}')],
  ["it says so as text", http('{"allowed":"true"}')],
  ["it says null", http("null")],
  ["it says nothing", http("")],
  ["it fails, and says allowed", http('{"allowed":true}', "500 Internal Server Error")],
  ["it never stops", http(" ".repeat(2 << 20))],
  ["it says continue and goes", "HTTP/1.1 100 Continue\r\n\r\n"],
  [
    "it speaks another protocol",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  ],
  ["it allows and has a summary of another kind", http('{"allowed":1,"summary":{}}')],
])("no build where %s", async (_, answer) => {
  expect(await codeFor(answer)).toBe(1);
});
