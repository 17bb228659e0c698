/** Whatever comes over the gate's socket, which everybody may use: answered, refused, and never the end of the gate. */

import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const FILES = { "default.nix": derivationText("hello", "echo hello > $out") };

describe.skipIf(missingForNixWorld("host") !== undefined)("requests over the socket", () => {
  let world: GateWorld;
  let pid: number;
  beforeAll(async () => {
    world = await GateWorld.make({ version: "host", files: FILES });
    await world.startGate();
    pid = world.pid;
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  afterEach(async () => {
    expect((await world.ask("GET", "/status")).status).toBe(200);
    expect(() => process.kill(pid, 0)).not.toThrow();
  });

  /** Bytes to the socket; what comes back until it is closed. */
  function raw(bytes: string | Uint8Array): Promise<string> {
    return new Promise((resolve) => {
      let said = "";
      const socket = connect(world.socket, () => socket.end(bytes));
      socket
        .on("data", (chunk) => (said += chunk))
        .on("close", () => resolve(said))
        .on("error", () => {});
    });
  }

  test.each([
    "",
    "\0\0\0",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    `GET /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`,
    "POST /admit HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
    "POST /objects HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  ])("garbage %#", async (bytes) => {
    expect(await raw(bytes)).not.toContain("200 OK");
  });

  test.each([
    ["GET", "/", 404],
    ["GET", "/admit", 404],
    ["DELETE", "/status", 404],
    ["GET", "/build", 400],
    ["GET", "/build?derivation=", 400],
    ["GET", "/build?derivation=%00", 400],
    ["GET", `/build?derivation=${"x".repeat(10_000)}`, 400],
    ["GET", "/why", 400],
    ["GET", "/why?subject=/etc/passwd", 400],
    ["GET", "/why?subject=%zz.drv", 400],
    ["GET", "/../../status", 200],
    ["GET", "/refusals?limit=-1", 200],
    ["GET", "/refusals?limit=1e99", 200],
    ["GET", "/refusals?limit=0.5", 200],
    ["GET", "/refusals?limit=NaN", 200],
    ["GET", "/refusals?limit=Infinity", 200],
    ["GET", "/refusals?limit=9007199254740993", 200],
    ["GET", "/refusals?limit=0x10", 200],
    ["GET", "//", 404],
    ["GET", "//status", 404],
    ["GET", "//gate/status", 404],
    ["GET", "///", 404],
    ["GET", "/\\\\", 404],
    ["GET", "http://gate/status", 404],
    ["GET", "*", 404],
    ["GET", "/constructor", 404],
    ["POST", "/objects", 404],
    ["POST", "/objects?source=../../etc", 404],
    ["POST", "/objects?source=__proto__", 404],
  ] as const)("%s %s: %i", async (method, path, status) => {
    expect((await world.ask(method, path)).status).toBe(status);
  });

  const commit = "0".repeat(40);
  const file = {
    kind: "file",
    source: "pkgs",
    commit,
    directoryName: "pkgs",
    file: "default.nix",
    attrs: [],
    argstr: {},
  };
  const flake = { kind: "flake", source: "pkgs", commit, dir: "", attrs: ["default"], verb: "build" };
  test.each([
    ["no JSON", "{"],
    ["a number", "1"],
    ["null", "null"],
    ["another kind", JSON.stringify({ ...file, kind: "expression" })],
    ["a field too much", JSON.stringify({ ...file, options: ["--option"] })],
    ["no commit", JSON.stringify({ ...file, commit: "HEAD" })],
    ["an option for a commit", JSON.stringify({ ...file, commit: "--upload-pack=x" })],
    ["a way out", JSON.stringify({ ...file, file: "../../etc/passwd" })],
    ["an absolute file", JSON.stringify({ ...file, file: "/etc/passwd" })],
    ["a directory name that climbs", JSON.stringify({ ...file, directoryName: ".." })],
    ["a directory name with a slash", JSON.stringify({ ...file, directoryName: "a/b" })],
    ["a verb of no command", JSON.stringify({ ...flake, verb: "profile" })],
    ["a directory that climbs", JSON.stringify({ ...flake, dir: "a/../.." })],
    ["an attribute that is none", JSON.stringify({ ...flake, attrs: [1] })],
    ["a list too long", JSON.stringify({ ...file, attrs: Array(1001).fill("a") })],
  ])("no request to admit: %s", async (_, body) => {
    expect((await world.ask("POST", "/admit", body)).status).toBe(400);
  });

  test.each([
    ["a commit that nobody has", { ...file }],
    ["a source that the rules do not have", { ...file, source: "other" }],
    ["an option for a file", { ...file, file: "--version" }],
    [
      "an URL of no source",
      { kind: "remote flake", url: "ext::sh -c id", commit, dir: "", attrs: ["x"], verb: "build" },
    ],
  ])("denied, with a reason: %s", async (_, body) => {
    const answer = await world.ask("POST", "/admit", JSON.stringify(body));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ verdict: { allowed: false }, roots: [], derivations: 0 });
  });

  test("attributes and arguments that look like options are none", async () => {
    const known = { ...file, commit: world.source.tip() };
    for (const more of [
      { attrs: ["--version"] },
      { attrs: ["-E"] },
      { argstr: { "--expr": "1" } },
      { file: "-" },
    ]) {
      const answer = await world.ask("POST", "/admit", JSON.stringify({ ...known, ...more }));
      expect([more, JSON.parse(answer.body).verdict?.allowed ?? false]).toEqual([more, false]);
    }
  });

  test("a request of 3 MB is refused", async () => {
    const answer = await world
      .ask("POST", "/admit", Buffer.alloc(3 << 20, 0x20))
      .catch(() => ({ status: 413 }));
    expect(answer.status).toBe(413);
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["no pack", Buffer.from("PACKnothing")],
    ["a pack cut short", pack("blob", "hello").subarray(0, 25)],
    ["a pack whose checksum is wrong", Buffer.concat([pack("blob", "hello").subarray(0, -1), Buffer.of(0)])],
    ["ten million objects announced", Buffer.from("5041434b0000000200989680", "hex")],
    ["a delta on an object that nobody has", delta()],
    ["a megabyte of nothing", Buffer.alloc(1 << 20)],
  ])("objects that are no pack: %s", async (_, bytes) => {
    const answer = await world.ask("POST", "/objects?source=pkgs", bytes);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).error).toContain("cannot be used");
  });

  test("notes that are no id, or of nothing", async () => {
    const good = pack("blob", "hello");
    expect((await world.ask("POST", "/objects?source=pkgs&notes=HEAD", good)).status).toBe(400);
    expect((await world.ask("POST", `/objects?source=pkgs&notes=${"7".repeat(40)}`, good)).status).not.toBe(
      200,
    );
    expect((await world.ask("POST", "/objects?source=pkgs", good)).status).toBe(200);
  });

  test("an object put behind Git's back into the gate's copy, under another's id, is found out", async () => {
    expect((await world.firstmile("admit", "-f", "default.nix")).code).toBe(0);
    await world.commit({ "default.nix": derivationText("hello", "echo second > $out") });
    const tip = world.source.tip();
    const blob = world.source.blob(tip, "default.nix");
    const copy = join(world.stateDir, "gate/sources/pkgs.git/objects");
    const evil = Buffer.from(derivationText("hello", "echo evil > $out"));
    const object = deflateSync(Buffer.concat([Buffer.from(`blob ${evil.length}\0`), evil]));
    await world.run("mkdir", ["-p", join(copy, blob.slice(0, 2))]);
    writeFileSync(join(copy, blob.slice(0, 2), blob.slice(2)), object);
    const ended = await world.firstmile("admit", "-f", "default.nix");
    expect(ended.code).not.toBe(0);
    expect(readdirSync(join(world.stateDir, "gate/trees/pkgs"))).not.toContain(tip);
  });
});

function pack(kind: "blob", content: string): Buffer {
  const type = { blob: 3 }[kind];
  const head = Buffer.from("PACK\0\0\0\x02\0\0\0\x01", "latin1");
  const bytes = Buffer.concat([head, Buffer.of((type << 4) | content.length), deflateSync(content)]);
  return Buffer.concat([bytes, createHash("sha1").update(bytes).digest()]);
}

/** One OBJ_REF_DELTA on an id that does not exist. */
function delta(): Buffer {
  const head = Buffer.from("PACK\0\0\0\x02\0\0\0\x01", "latin1");
  const bytes = Buffer.concat([
    head,
    Buffer.of((7 << 4) | 4),
    Buffer.alloc(20, 7),
    deflateSync(Buffer.of(1, 1, 1, 0x41)),
  ]);
  return Buffer.concat([bytes, createHash("sha1").update(bytes).digest()]);
}
